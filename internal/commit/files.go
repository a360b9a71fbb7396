package commit

import (
	"context"
	"path"
	"slices"
	"strings"

	"github.com/gros-lake/gros/bucket"
	"github.com/gros-lake/gros/connector"
)

// Contents is what a log says of its directory.
type Contents struct {
	Head    *connector.Record         // nil: the log is empty
	Files   map[string]connector.File // by key: those that are, or will be, visible
	Pending map[string]bool           // keys of them that may still wait to be completed
	Voided  map[string]bool           // keys that were taken back; an empty file may hold the name
	Commits map[string]int64          // by key: the record that added it
}

// Contents reads the whole log.
func (l *Log) Contents(ctx context.Context) (Contents, error) {
	c := Contents{Files: map[string]connector.File{}, Pending: map[string]bool{}, Voided: map[string]bool{}, Commits: map[string]int64{}}
	voided, removed := map[int64]bool{}, map[string]bool{}
	for r, err := range l.Records(ctx) { // newest first: what takes away comes before what was added
		if err != nil {
			return c, err
		}
		if c.Head == nil {
			c.Head = r
		}
		for _, seq := range r.Voids {
			voided[seq] = true
		}
		for _, key := range r.Removes {
			removed[key] = true
		}
		for _, f := range r.Files {
			switch {
			case voided[r.Seq]:
				c.Voided[f.Key] = true
			case !removed[f.Key]:
				c.Files[f.Key] = f
				c.Commits[f.Key] = r.Seq
			}
		}
	}
	if c.Head != nil {
		for _, p := range c.Head.Pend {
			for _, f := range p.Files {
				c.Pending[f.Key] = true
			}
		}
	}
	return c, nil
}

// Owns says whether a key is of this stem: STEM_<32 hex>.suffix in any folder of the directory, or a file of its rejects.
func (l *Log) Owns(key string) bool {
	if strings.HasPrefix(key, l.rejectPrefix()) {
		return true
	}
	rest, ok := strings.CutPrefix(key, l.Base)
	if !ok || strings.HasPrefix(rest, "_gros/") {
		return false
	}
	name, ok := strings.CutPrefix(path.Base(rest), l.Stem+"_")
	return ok && nonceOf("_"+name) != ""
}

// Stems returns the stems of the logs in a directory, sorted.
func Stems(ctx context.Context, b bucket.Bucket, base string) ([]string, error) {
	var stems []string
	prefix := base + "_gros/"
	for o, err := range b.List(ctx, prefix) {
		if err != nil {
			return nil, err
		}
		stem, rest, ok := strings.Cut(strings.TrimPrefix(o.Key, prefix), "/")
		if ok && strings.HasPrefix(rest, "log/") && !slices.Contains(stems, stem) {
			stems = append(stems, stem)
		}
	}
	slices.Sort(stems)
	return stems, nil
}
