package files

import (
	"context"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/gros-lake/gros/bucket"
	"github.com/gros-lake/gros/fault"
)

// place is one path of the settings.
type place struct {
	path    string // as written
	name    string // what stands before a key in the ID of its split
	bucket  bucket.Bucket
	key     string         // of a file, if there is one of this name, even when it looks like a pattern; "" when it is a folder
	prefix  string         // of all keys
	pattern *regexp.Regexp // nil when it is none
	hidden  bool           // the path names hidden parts itself
}

func openPlace(ctx context.Context, open bucket.Opener, text string) (*place, error) {
	b, key, err := open(ctx, text)
	if err != nil {
		return nil, err
	}
	p := &place{path: text, name: nameOf(text, key), bucket: b, prefix: key}
	switch i := strings.IndexAny(key, "*?[{"); {
	case i >= 0:
		p.key, p.prefix = key, key[:i]
		if p.pattern, err = compile(key); err != nil {
			return nil, fault.Errorf(fault.Invalid, "path %s: %w", text, err)
		}
	case key != "" && !strings.HasSuffix(key, "/"):
		p.key, p.prefix = key, key+"/"
	}
	p.hidden = slices.ContainsFunc(strings.Split(key, "/"), hiddenPart)
	return p, nil
}

// nameOf is what stands in a place before its key.
func nameOf(text, key string) string {
	if !strings.Contains(text, "://") {
		slash := strings.HasSuffix(text, "/")
		if text = path.Clean(text); slash && text != "/" {
			text += "/"
		}
	}
	name, found := strings.CutSuffix(text, key)
	if !found {
		name = text[:strings.LastIndexByte(text, '/')+1]
	}
	if name != "" && !strings.HasSuffix(name, "/") {
		name += "/"
	}
	return strings.TrimPrefix(name, "./")
}

// compile turns a pattern of keys into an expression: * ? and [a-z] stay within a part, ** does not, {a,b} is either.
func compile(pattern string) (*regexp.Regexp, error) {
	var out strings.Builder
	depth := 0
	for i := 0; i < len(pattern); i++ {
		switch c := pattern[i]; {
		case strings.HasPrefix(pattern[i:], "**/"):
			out.WriteString(`(?:.*/)?`)
			i += 2
		case strings.HasPrefix(pattern[i:], "**"):
			out.WriteString(`.*`)
			i++
		case c == '*':
			out.WriteString(`[^/]*`)
		case c == '?':
			out.WriteString(`[^/]`)
		case c == '[':
			end := strings.IndexByte(pattern[i+1:], ']')
			if end < 1 {
				return nil, fmt.Errorf("a [ has no ]")
			}
			class := strings.ReplaceAll(pattern[i+1:i+1+end], `\`, `\\`)
			if rest, not := strings.CutPrefix(class, "!"); not {
				class = "^/" + rest
			}
			out.WriteString("[" + class + "]")
			i += end + 1
		case c == '{':
			depth++
			out.WriteString(`(?:`)
		case c == '}' && depth > 0:
			depth--
			out.WriteString(`)`)
		case c == ',' && depth > 0:
			out.WriteString(`|`)
		default:
			out.WriteString(regexp.QuoteMeta(pattern[i : i+1]))
		}
	}
	if depth > 0 {
		return nil, fmt.Errorf("a { has no }")
	}
	return regexp.Compile(`^(?s:` + out.String() + `)$`)
}

// hiddenPart reports whether part of a key is hidden, as Spark and Hive see it: year=2024 is not, whatever it begins with.
func hiddenPart(part string) bool {
	return part != "" && (part[0] == '.' || part[0] == '_') && !strings.Contains(part, "=")
}

// takes reports whether the place means the file of this key.
func (p *place) takes(key string) bool {
	if key == p.key && key != "" {
		return true
	}
	if !strings.HasPrefix(key, p.prefix) || p.pattern != nil && !p.pattern.MatchString(key) {
		return false
	}
	parts := strings.Split(key[strings.LastIndexByte(p.prefix, '/')+1:], "/")
	return !slices.Contains(parts, "_gros") && (p.hidden || !slices.ContainsFunc(parts, hiddenPart))
}

// list returns the keys that the place means, in order.
func (p *place) list(ctx context.Context) ([]string, error) {
	if p.key != "" {
		_, err := p.bucket.Stat(ctx, p.key)
		if err == nil {
			return []string{p.key}, nil
		}
		if !fault.Is(err, fault.NotFound) {
			return nil, fmt.Errorf("path %s: %w", p.path, err)
		}
	}
	var keys []string
	for o, err := range p.bucket.List(ctx, p.prefix) {
		if err != nil {
			return nil, fmt.Errorf("path %s: %w", p.path, err)
		}
		if p.takes(o.Key) && !strings.HasSuffix(o.Key, "/") {
			keys = append(keys, o.Key)
		}
	}
	return keys, nil
}
