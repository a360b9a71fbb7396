package chunk

import (
	"cmp"
	"context"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/gros-lake/gros/bucket"
	"github.com/gros-lake/gros/fault"
	"github.com/gros-lake/gros/format/parquet"
	"github.com/gros-lake/gros/internal/commit"
)

// Entry is one file of a place.
type Entry struct {
	Key      string    `json:"key"`
	Rows     *int64    `json:"rows"` // nil: only reading it would tell
	Bytes    int64     `json:"bytes"`
	Modified time.Time `json:"modified,omitzero"` // as the store says, of plain files
	Stem     string    `json:"stem,omitempty"`
	Seq      int64     `json:"seq,omitempty"` // of the commit that added it
}

// FolderEntry is the files that lie in one folder, not in those below it.
type FolderEntry struct {
	Folder string `json:"folder"` // "" or ending in a slash, from the place
	Files  int64  `json:"files"`
	Rows   *int64 `json:"rows"` // nil: not known of every file
	Bytes  int64  `json:"bytes"`
}

// Listing is what is at a place.
type Listing struct {
	Place   string        `json:"place"`
	Stems   []string      `json:"stems,omitempty"` // of the logs; none: plain files
	Rows    *int64        `json:"rows"`
	Bytes   int64         `json:"bytes"`
	Pending int64         `json:"pending,omitempty"` // files of commits that wait to be completed
	Others  int64         `json:"others,omitempty"`  // files that no log lists, or of no format that is known
	Folders []FolderEntry `json:"folders"`
	Files   []Entry       `json:"files"`
}

// List returns the data files of a place, in the order of their keys. Without a log the rows of Parquet files are read from
// their footers.
func (v *View) List(ctx context.Context) (*Listing, error) {
	l := &Listing{Place: v.Place, Stems: v.Stems(), Files: []Entry{}, Folders: []FolderEntry{}}
	var err error
	if len(v.logs) > 0 {
		err = v.listCommitted(ctx, l)
	} else {
		err = v.listPlain(ctx, l)
	}
	if err != nil {
		return nil, err
	}
	slices.SortFunc(l.Files, func(a, b Entry) int { return cmp.Compare(a.Key, b.Key) })
	l.sum(v.base)
	return l, nil
}

func (v *View) listCommitted(ctx context.Context, l *Listing) error {
	known := map[string]bool{}
	for _, log := range v.logs {
		files, c, err := v.committed(ctx, log)
		if err != nil {
			return err
		}
		l.Files = append(l.Files, files...)
		for key := range c.Commits {
			known[key] = true
		}
		for key := range c.Voided {
			known[key] = true
		}
		for key := range c.Pending {
			if _, shown := c.Files[key]; !shown {
				l.Pending++
			}
		}
	}
	for o, err := range v.bucket.List(ctx, v.base) {
		if err != nil {
			return err
		}
		if below := o.Key[len(v.base):]; !known[o.Key] && !bucket.Hidden(below) && v.shows(o.Key) {
			l.Others++
		}
	}
	return nil
}

// shows says whether a file that no log lists is worth a word: with a stem of the place, only its own.
func (v *View) shows(key string) bool {
	if strings.HasSuffix(v.Place, "/") || len(v.logs) != 1 {
		return true
	}
	return v.logs[0].Owns(key)
}

// committed returns the visible data files of a stem in the order of their commits.
func (v *View) committed(ctx context.Context, log *stemLog) ([]Entry, *commit.Contents, error) {
	c, err := v.visible(ctx, log)
	if err != nil {
		return nil, nil, err
	}
	var files []Entry
	for key, f := range c.Files {
		if !f.Reject {
			n := f.Rows
			files = append(files, Entry{Key: key, Rows: &n, Bytes: f.Size, Stem: log.stem, Seq: c.Commits[key]})
		}
	}
	slices.SortFunc(files, func(a, b Entry) int {
		return cmp.Or(cmp.Compare(a.Seq, b.Seq), cmp.Compare(a.Key, b.Key))
	})
	return files, &c, nil
}

// listPlain lists files without a log.
func (v *View) listPlain(ctx context.Context, l *Listing) error {
	files, others, err := v.plain(ctx)
	if err != nil {
		return err
	}
	l.Files, l.Others = append(l.Files, files...), others
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(8)
	for i := range files {
		if spec, _, _ := v.formatOf(files[i].Key); spec.Name != parquet.Format.Name {
			continue
		}
		g.Go(func() error {
			n, _, err := parquet.Stat(ctx, v.input(files[i].Key, files[i].Bytes))
			if fault.Is(err, fault.Corrupt) || fault.Is(err, fault.Invalid) {
				v.Log.Warn("the rows of a file are not known", "error", err)
				return nil
			}
			l.Files[i].Rows = &n
			return err
		})
	}
	return g.Wait()
}

// plain returns the files of a place without a log, and how many there are of unknown formats.
func (v *View) plain(ctx context.Context) (files []Entry, others int64, err error) {
	if v.object != "" {
		o, err := v.bucket.Stat(ctx, v.object)
		return []Entry{{Key: o.Key, Bytes: o.Size, Modified: o.Time}}, 0, err
	}
	any := false
	for o, err := range v.bucket.List(ctx, v.base) {
		if err != nil {
			return nil, 0, err
		}
		any = true
		if !v.takes(o.Key) {
			continue
		}
		_, known, err := v.formatOf(o.Key)
		if err != nil {
			return nil, 0, err
		}
		if !known {
			others++
			continue
		}
		files = append(files, Entry{Key: o.Key, Bytes: o.Size, Modified: o.Time})
	}
	if !any {
		return nil, 0, v.nothing()
	}
	if len(files) == 0 && v.pattern != nil && others == 0 {
		return nil, 0, fault.Hint(fault.Errorf(fault.NotFound, "%s: no file matches", v.Place), "* stays within a folder, ** does not")
	}
	return files, others, nil
}

// takes reports whether a plain place means the file of this key.
func (v *View) takes(key string) bool {
	if v.pattern != nil && !v.pattern.MatchString(key) {
		return false
	}
	below := key[len(v.base):]
	return !strings.HasSuffix(key, "/") && (v.hidden || !bucket.Hidden(below))
}

// sum fills in folders and totals.
func (l *Listing) sum(base string) {
	folders := map[string]*FolderEntry{}
	total := FolderEntry{Rows: new(int64)}
	for _, f := range l.Files {
		name := path.Dir(f.Key[len(base):]) + "/"
		if name == "./" {
			name = ""
		}
		if folders[name] == nil {
			folders[name] = &FolderEntry{Folder: name, Rows: new(int64)}
		}
		folders[name].add(f)
		total.add(f)
	}
	for _, name := range slices.Sorted(maps.Keys(folders)) {
		l.Folders = append(l.Folders, *folders[name])
	}
	l.Rows, l.Bytes = total.Rows, total.Bytes
}

func (e *FolderEntry) add(f Entry) {
	e.Files++
	e.Bytes += f.Bytes
	if f.Rows == nil || e.Rows == nil {
		e.Rows = nil
		return
	}
	n := *e.Rows + *f.Rows
	e.Rows = &n
}
