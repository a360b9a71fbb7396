package chunk

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/gros-lake/gros/bucket"
	"github.com/gros-lake/gros/connector"
	"github.com/gros-lake/gros/fault"
	"github.com/gros-lake/gros/format"
	"github.com/gros-lake/gros/internal/commit"
)

// ViewOptions is what a View needs. Buckets and Formats are required.
type ViewOptions struct {
	Buckets bucket.Opener
	Formats format.Registry
	Format  string // of files whose suffix does not tell, "" = such files are left alone
	Log     *slog.Logger
}

// View is a place to look into: a folder of chunks with one log or several, one stem of it, or plain files.
type View struct {
	ViewOptions
	Place string // as the user writes it

	bucket  bucket.Bucket
	name    string // what stands before a key where it is shown
	base    string // key prefix of the directory
	logs    []*stemLog
	object  string         // key of a single file, "" if it is none
	pattern *regexp.Regexp // of keys, nil if it is none
	hidden  bool           // the place names hidden files itself
}

type stemLog struct {
	*commit.Log
	stem string
}

// Look finds out what a place is: an existing object wins over a stem, and a stem over a prefix.
func Look(ctx context.Context, o ViewOptions, place string) (*View, error) {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	b, key, err := o.Buckets(ctx, place)
	if err != nil {
		return nil, err
	}
	v := &View{ViewOptions: o, Place: place, bucket: b, name: nameOf(place, key), hidden: bucket.Hidden(key)}
	if key == "" || strings.HasSuffix(key, "/") {
		return v, v.folder(ctx, key, "")
	}
	_, err = b.Stat(ctx, key)
	if err == nil {
		v.object = key
		v.base = key[:strings.LastIndexByte(key, '/')+1]
		return v, nil
	}
	if !fault.Is(err, fault.NotFound) && !fault.Is(err, fault.Invalid) {
		return nil, err
	}
	if bucket.IsPattern(key) {
		if v.pattern, err = bucket.Pattern(key); err != nil {
			return nil, fault.Errorf(fault.Invalid, "place %s: %w", place, err)
		}
		v.base = key[:strings.LastIndexByte(key[:strings.IndexAny(key, "*?[{")], '/')+1]
		return v, nil
	}
	return v, v.stem(ctx, key)
}

// stem looks for the log of a name such as data/events.parquet; without one, for keys below it.
func (v *View) stem(ctx context.Context, key string) error {
	folder, name := path.Split(key)
	if p, err := ParsePath(name); err == nil {
		stems, err := commit.Stems(ctx, v.bucket, folder)
		if err != nil {
			return err
		}
		if slices.Contains(stems, p.Stem) {
			return v.folder(ctx, folder, p.Stem)
		}
		if near := fault.Nearest(p.Stem, stems); near != "" {
			return fault.Hint(v.nothing(), "did you mean %s?", v.name+folder+near+path.Ext(key))
		}
	}
	for _, err := range v.bucket.List(ctx, key+"/") {
		if err != nil {
			return err
		}
		return v.folder(ctx, key+"/", "")
	}
	return v.nothing()
}

// folder opens the logs of a directory: that of one stem, or all.
func (v *View) folder(ctx context.Context, base, stem string) error {
	v.base = base
	stems := []string{stem}
	if stem == "" {
		var err error
		if stems, err = commit.Stems(ctx, v.bucket, base); err != nil {
			return err
		}
	}
	for _, s := range stems {
		l := commit.Open(commit.Options{Bucket: v.bucket, Base: base, Stem: s, Log: v.Log})
		v.logs = append(v.logs, &stemLog{l, s})
	}
	return nil
}

func (v *View) nothing() error {
	err := fault.Errorf(fault.NotFound, "%s: there is nothing", v.Place)
	return fault.Hint(err, "name a folder, a file, or a name that chunks were written under, as data/events.parquet")
}

// nameOf is what stands in a place before its key.
func nameOf(place, key string) string {
	name, found := strings.CutSuffix(place, key)
	if !found {
		name = place[:strings.LastIndexByte(place, '/')+1]
	}
	if name != "" && !strings.Contains(place, "://") {
		name = path.Clean(name)
	}
	if name == "." {
		return ""
	}
	if name != "" && !strings.HasSuffix(name, "/") {
		name += "/"
	}
	return name
}

// Stems returns the stems that the place has logs of; none: it is plain files.
func (v *View) Stems() []string {
	var stems []string
	for _, l := range v.logs {
		stems = append(stems, l.stem)
	}
	return stems
}

// Base is what all keys of the place begin with: "" or ending in a slash.
func (v *View) Base() string { return v.base }

// Name is a key as a place that can be typed.
func (v *View) Name(key string) string { return v.name + key }

// needLog refuses plain files for what only a log can tell.
func (v *View) needLog() error {
	if len(v.logs) > 0 {
		return nil
	}
	err := fault.Errorf(fault.NotFound, "%s: there is no log of commits", v.Place)
	switch {
	case v.object != "":
		return fault.Hint(err, "it is one file: name the folder that gros wrote, as out/, or a name in it, as out/events.parquet")
	default:
		return fault.Hint(err, "logs are where gros run and gros egress wrote: name that folder itself, as out/")
	}
}

// input is a file as formats read it.
func (v *View) input(key string, size int64) format.Input {
	return format.Input{Name: v.name + key, Size: size, Open: func(ctx context.Context, off, n int64) (io.ReadCloser, error) {
		return v.bucket.Get(ctx, key, off, n)
	}}
}

// formatOf finds the format of a file.
func (v *View) formatOf(key string) (format.Spec, bool, error) {
	if spec, _, ok := v.Formats.ByName(key); ok && spec.Open != nil {
		return spec, true, nil
	}
	if v.Format == "" {
		return format.Spec{}, false, nil
	}
	spec, err := v.Formats.Lookup(v.Format)
	if err == nil && spec.Open == nil {
		err = fault.Errorf(fault.Invalid, "format %s: there are no files of it", v.Format)
	}
	return spec, err == nil, err
}

// visible returns what the log of a stem says, without files of commits that are not complete: readers see all files of a
// commit or none.
func (v *View) visible(ctx context.Context, l *stemLog) (commit.Contents, error) {
	c, err := l.Contents(ctx)
	if err != nil || c.Head == nil {
		return c, err
	}
	for _, p := range c.Head.Pend {
		done, err := v.complete(ctx, p)
		if err != nil {
			return c, err
		}
		for _, f := range p.Files {
			if !done {
				delete(c.Files, f.Key)
			}
		}
	}
	return c, nil
}

func (v *View) complete(ctx context.Context, p connector.Pend) (bool, error) {
	for _, f := range p.Files {
		o, err := v.bucket.Stat(ctx, f.Key)
		if fault.Is(err, fault.NotFound) || err == nil && o.Size != f.Size {
			return false, nil
		}
		if err != nil {
			return false, fmt.Errorf("%s: %w", v.Place, err)
		}
	}
	return true, nil
}
