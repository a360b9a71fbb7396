package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/gros-lake/gros/fault"
	"github.com/gros-lake/gros/setting"
)

// resolve replaces the variables in all scalars below n: ${NAME}, ${NAME:-default} where NAME is unset or empty, and
// ${file:PATH}, the file's text without its last line end. $${ stands for a literal ${. What they hold is text: it is
// never parsed again.
func resolve(n *setting.Node, env func(string) (string, bool)) []error {
	var errs []error
	if n.Kind == setting.Scalar && strings.Contains(n.Text, "${") {
		raw := n.Text
		text, err := expand(raw, env)
		if err != nil {
			return []error{n.Place.Wrap(err)}
		}
		n.Text, n.Raw = text, raw
	}
	for _, item := range n.Items {
		errs = append(errs, resolve(item, env)...)
	}
	for _, p := range n.Pairs {
		errs = append(errs, resolve(p.Value, env)...)
	}
	return errs
}

func expand(text string, env func(string) (string, bool)) (string, error) {
	var b strings.Builder
	for {
		i := strings.Index(text, "${")
		if i < 0 {
			b.WriteString(text)
			return b.String(), nil
		}
		if i > 0 && text[i-1] == '$' {
			b.WriteString(text[:i-1] + "${")
			text = text[i+2:]
			continue
		}
		b.WriteString(text[:i])
		end := strings.IndexByte(text[i:], '}')
		if end < 0 {
			err := fmt.Errorf("%s has no end", text[i:])
			return "", fault.Hint(err, "close it with }, or write $${ for a literal ${")
		}
		value, err := lookup(text[i+2:i+end], env)
		if err != nil {
			return "", err
		}
		b.WriteString(value)
		text = text[i+end+1:]
	}
}

func lookup(name string, env func(string) (string, bool)) (string, error) {
	if path, ok := strings.CutPrefix(name, "file:"); ok {
		return secret(path)
	}
	name, fallback, hasFallback := strings.Cut(name, ":-")
	if !isVariable(name) {
		return "", fault.Hint(fmt.Errorf("${%s} is no variable", name), "write ${NAME}, ${NAME:-default} or ${file:PATH}; $${ for a literal ${")
	}
	value, ok := "", false
	if env != nil {
		value, ok = env(name)
	}
	if hasFallback && value == "" {
		return fallback, nil
	}
	if !ok {
		return "", fault.Hint(fmt.Errorf("the environment variable %s is not set", name), "set it, or give a default: ${%s:-…}", name)
	}
	return value, nil
}

func secret(path string) (string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		var p *fs.PathError
		if errors.As(err, &p) {
			err = p.Err
		}
		return "", fmt.Errorf("${file:%s}: %w", path, err)
	}
	return strings.TrimSuffix(strings.TrimSuffix(string(text), "\n"), "\r"), nil
}

func isVariable(name string) bool {
	for i := range len(name) {
		c := name[i]
		letter := c == '_' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
		if !letter && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return name != ""
}
