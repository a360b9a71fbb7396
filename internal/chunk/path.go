package chunk

import (
	"path"
	"strings"

	"github.com/gros-lake/gros/expr"
	"github.com/gros-lake/gros/fault"
)

// DefaultStem begins the names of chunks in a directory that was given without one.
const DefaultStem = "part"

// Place is where chunks go, as a user writes it: data/events.parquet, out/, s3://lake/{tenant}/events.parquet.
type Place struct {
	Folder string  // that everything is under, as a bucket.Opener takes it: "" or ending in a slash
	Below  []Piece // of the folders below it that depend on the row, nil if none
	Stem   string  // of the chunks' names
	Suffix string  // ".parquet", ".csv.gz"; "" if the path does not say
}

// Piece is a stretch of a path: a text, or an expression in braces whose value stands there.
type Piece struct {
	Text string
	Expr *expr.Expr
}

// ParsePath reads a path. {expression} stands for the value of the row; two braces are one.
func ParsePath(text string) (Place, error) {
	pieces, err := parsePieces(text)
	if err != nil {
		return Place{}, err
	}
	last := &pieces[len(pieces)-1]
	if last.Expr != nil {
		return Place{}, misplaced(text)
	}
	slash := strings.LastIndexByte(last.Text, '/')
	if len(pieces) > 1 && slash < 0 {
		return Place{}, misplaced(text)
	}
	name := last.Text[slash+1:]
	last.Text = last.Text[:slash+1]
	var p Place
	if p.Stem, p.Suffix, err = parseName(text, name); err != nil {
		return Place{}, err
	}
	if len(pieces) == 1 {
		p.Folder = last.Text
		return p, nil
	}
	if pieces[0].Expr == nil { // a folder before the first brace, and the beginning of the name that holds the brace
		at := strings.LastIndexByte(pieces[0].Text, '/') + 1
		p.Folder, pieces[0].Text = pieces[0].Text[:at], pieces[0].Text[at:]
		if strings.Contains(p.Folder, "://") && strings.Count(p.Folder, "/") < 3 {
			return Place{}, fault.Errorf(fault.Invalid, "path %q: the bucket cannot depend on the row", text)
		}
	}
	p.Below = pieces
	return p, nil
}

func misplaced(text string) error {
	err := fault.Errorf(fault.Invalid, "path %q: braces in the name of the file", text)
	return fault.Hint(err, "the name is the same for all rows; let folders depend on them: out/{kind}/events.parquet")
}

func parsePieces(text string) ([]Piece, error) {
	if text == "" {
		return nil, fault.New(fault.Invalid, "path: is empty")
	}
	var pieces []Piece
	var plain strings.Builder
	for rest := text; rest != ""; {
		at := strings.IndexAny(rest, "{}")
		if at < 0 {
			plain.WriteString(rest)
			break
		}
		plain.WriteString(rest[:at])
		brace := rest[at]
		rest = rest[at+1:]
		if rest != "" && rest[0] == brace {
			plain.WriteByte(brace)
			rest = rest[1:]
			continue
		}
		end := strings.IndexByte(rest, '}')
		if brace == '}' || end < 0 {
			return nil, fault.Errorf(fault.Invalid, "path %q: a brace has no partner", text)
		}
		e, err := expr.Parse(rest[:end])
		if err != nil {
			return nil, fault.Errorf(fault.Invalid, "path %q: %w", text, err)
		}
		if plain.Len() > 0 {
			pieces = append(pieces, Piece{Text: plain.String()})
			plain.Reset()
		}
		pieces = append(pieces, Piece{Expr: e})
		rest = rest[end+1:]
	}
	if plain.Len() > 0 {
		pieces = append(pieces, Piece{Text: plain.String()})
	}
	return pieces, nil
}

func parseName(text, name string) (stem, suffix string, err error) {
	if name == "" {
		return DefaultStem, "", nil
	}
	if name == "." || name == ".." {
		return "", "", fault.Hint(fault.Errorf(fault.Invalid, "path %q: ends in no name", text), "for a folder write %s/", text)
	}
	suffix = path.Ext(name)
	if suffix == ".gz" || suffix == ".zst" {
		suffix = path.Ext(strings.TrimSuffix(name, suffix)) + suffix
	}
	stem = strings.TrimSuffix(name, suffix)
	if stem == "" || stem[0] == '_' || stem[0] == '.' {
		err := fault.Errorf(fault.Invalid, "path %q: engines take files named %s… for hidden", text, name[:1])
		return "", "", fault.Hint(err, "let the name begin with a letter")
	}
	return stem, suffix, nil
}

// nullValue is what Hive and Spark write in place of null and of the empty text.
const nullValue = "__HIVE_DEFAULT_PARTITION__"

// maxSegment is how many bytes a name in a path may have on the file systems that we know.
const maxSegment = 255

// escaped are the bytes that Hive and Spark write as %XX in the names of partition folders. NUL is ours: no file system has it.
var escaped = func() (set [256]bool) {
	for c := range byte(' ') {
		set[c] = true
	}
	for _, c := range []byte("\"#%'*/:=?\\\x7f{[]^") {
		set[c] = true
	}
	return set
}()

// Escape writes a value as it stands in the name of a partition folder.
func Escape(value string) string { return string(appendEscaped(nil, value)) }

func appendEscaped(dst []byte, value string) []byte {
	const digits = "0123456789ABCDEF"
	for i := range len(value) {
		if c := value[i]; escaped[c] {
			dst = append(dst, '%', digits[c>>4], digits[c&15])
		} else {
			dst = append(dst, c)
		}
	}
	return dst
}

// Unescape reads what Escape wrote. A percent sign that two hexadecimal digits do not follow stands for itself.
func Unescape(text string) string {
	if strings.IndexByte(text, '%') < 0 {
		return text
	}
	out := make([]byte, 0, len(text))
	for i := 0; i < len(text); i++ {
		if text[i] == '%' && i+2 < len(text) {
			high, low := unhex(text[i+1]), unhex(text[i+2])
			if high >= 0 && low >= 0 {
				out = append(out, byte(high<<4|low))
				i += 2
				continue
			}
		}
		out = append(out, text[i])
	}
	return string(out)
}

func unhex(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c && c <= 'f':
		return int(c-'a') + 10
	case 'A' <= c && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}

// PartitionValue is a value that a path names.
type PartitionValue struct {
	Name  string
	Value string
	Null  bool
}

// ParsePartitions reads the partition values of a key: those of its folders that are named name=value.
func ParsePartitions(key string) []PartitionValue {
	var values []PartitionValue
	segments := strings.Split(key, "/")
	for _, s := range segments[:len(segments)-1] {
		if name, value, ok := strings.Cut(s, "="); ok && name != "" {
			values = append(values, PartitionValue{Name: Unescape(name), Value: Unescape(value), Null: value == nullValue})
		}
	}
	return values
}
