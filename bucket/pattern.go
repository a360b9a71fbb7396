package bucket

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// IsPattern reports whether text is a pattern of keys rather than a key: it holds one of * ? [ {.
func IsPattern(text string) bool { return strings.ContainsAny(text, "*?[{") }

// Pattern turns a pattern of keys into an expression: * ? and [a-z] stay within a part, ** does not, {a,b} is either.
func Pattern(pattern string) (*regexp.Regexp, error) {
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

// Hidden reports whether a key has a part that is hidden, as Spark and Hive see it: one that begins with . or _ and is no
// partition folder such as _id=5.
func Hidden(key string) bool {
	return slices.ContainsFunc(strings.Split(key, "/"), func(part string) bool {
		return part != "" && (part[0] == '.' || part[0] == '_') && !strings.Contains(part, "=")
	})
}
