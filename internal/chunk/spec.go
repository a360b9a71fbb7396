package chunk

import (
	"strings"

	"github.com/gros-lake/gros/expr"
	"github.com/gros-lake/gros/fault"
)

// Partition is one level of folders, name=value.
type Partition struct {
	Name   string
	Expr   *expr.Expr
	Column string // whose values the folder's name holds as they are; "" = an expression makes them
}

// ParsePartitionBy reads entries of partition_by: page, year(ts), bucket(16, id), truncate(4, sku), y=year(ts), and any named
// expression. Two equal names are an error.
func ParsePartitionBy(entries []string) ([]Partition, error) {
	seen := make(map[string]string, len(entries))
	var out []Partition
	for _, entry := range entries {
		p, err := parsePartition(entry)
		if err != nil {
			return nil, err
		}
		if other, twice := seen[p.Name]; twice {
			err := fault.Errorf(fault.Invalid, "partition_by: %s and %s both make folders named %s", other, entry, p.Name)
			return nil, fault.Hint(err, "name one of them: %s2=%s", p.Name, strings.TrimSpace(unnamed(entry)))
		}
		seen[p.Name] = entry
		out = append(out, p)
	}
	return out, nil
}

func parsePartition(entry string) (Partition, error) {
	name, text := cutName(entry)
	if name == "" {
		text = entry
	}
	e, err := expr.Parse(text)
	if err != nil {
		return Partition{}, fault.Errorf(fault.Invalid, "partition_by: %s: %w", entry, err)
	}
	p := Partition{Name: name, Expr: e}
	column, isColumn := columnName(text)
	if name == "" {
		if p.Name = defaultName(text); p.Name == "" {
			err := fault.Errorf(fault.Invalid, "partition_by: %s: an expression needs a name for its folders", entry)
			return Partition{}, fault.Hint(err, "write name=%s", strings.TrimSpace(text))
		}
	}
	if isColumn && column == p.Name {
		p.Column = column
	}
	return p, nil
}

func unnamed(entry string) string {
	_, text := cutName(entry)
	return text
}

// cutName divides name=expression. Without a name the text is the entry; == is a comparison.
func cutName(entry string) (name, text string) {
	before, after, ok := strings.Cut(entry, "=")
	if !ok || strings.HasPrefix(after, "=") {
		return "", entry
	}
	if name, ok = columnName(before); !ok || strings.Contains(name, ".") && !strings.HasPrefix(strings.TrimSpace(before), `"`) {
		return "", entry
	}
	return name, after
}

// columnName returns the name that text is, bare or in double quotes.
func columnName(text string) (string, bool) {
	text = strings.TrimSpace(text)
	if n := len(text); n > 2 && text[0] == '"' && text[n-1] == '"' {
		inner := text[1 : n-1]
		if strings.Contains(strings.ReplaceAll(inner, `""`, ""), `"`) {
			return "", false
		}
		return strings.ReplaceAll(inner, `""`, `"`), true
	}
	for i := range len(text) {
		c := text[i]
		letter := c == '_' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c >= 0x80
		if !letter && (i == 0 || c < '0' || c > '9') {
			return "", false
		}
	}
	return text, text != ""
}

// defaultName is the name of the folders of an expression that the user did not name: the function's for time, the column's
// for a column, with a suffix for bucket and truncate; "" for all else.
func defaultName(text string) string {
	if name, ok := lastName(text); ok {
		return name
	}
	function, rest, ok := strings.Cut(strings.TrimSpace(text), "(")
	inner, closed := strings.CutSuffix(rest, ")")
	if !ok || !closed {
		return ""
	}
	suffix := ""
	switch function = strings.ToLower(strings.TrimSpace(function)); function {
	case "year", "month", "day", "hour":
		if _, err := expr.Parse(inner); err != nil { // not one call: year(a) + year(b)
			return ""
		}
		return function
	case "bucket":
		suffix = "_bucket"
	case "truncate":
		suffix = "_trunc"
	default:
		return ""
	}
	_, column, _ := strings.Cut(inner, ",")
	if name, ok := lastName(column); ok {
		return name + suffix
	}
	return ""
}

// lastName is the last part of a path of columns.
func lastName(text string) (string, bool) {
	if name, ok := columnName(text); ok {
		return name, true
	}
	e, err := expr.Parse(text)
	if err != nil {
		return "", false
	}
	at := strings.LastIndexByte(text, '.')
	if columns := e.Columns(); at < 0 || len(columns) != 1 || strings.ReplaceAll(e.String(), `"`, "") != columns[0] {
		return "", false
	}
	return columnName(text[at+1:])
}
