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
		if p.pattern, err = bucket.Pattern(key); err != nil {
			return nil, fault.Errorf(fault.Invalid, "path %s: %w", text, err)
		}
	case key != "" && !strings.HasSuffix(key, "/"):
		p.key, p.prefix = key, key+"/"
	}
	p.hidden = bucket.Hidden(key)
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

// takes reports whether the place means the file of this key.
func (p *place) takes(key string) bool {
	if key == p.key && key != "" {
		return true
	}
	if !strings.HasPrefix(key, p.prefix) || p.pattern != nil && !p.pattern.MatchString(key) {
		return false
	}
	below := key[strings.LastIndexByte(p.prefix, '/')+1:]
	return !slices.Contains(strings.Split(below, "/"), "_gros") && (p.hidden || !bucket.Hidden(below))
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
