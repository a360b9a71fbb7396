package all

import (
	"context"
	"os"
	"path"
	"strings"

	"github.com/gros-lake/gros/bucket"
	"github.com/gros-lake/gros/bucket/file"
	"github.com/gros-lake/gros/fault"
)

func init() {
	openers[""] = openFile
	openers["file"] = openFile
}

// openFile opens the folder of a path. The key is what follows the folder:
//
//	data/events.parquet    folder data, key events.parquet
//	events.parquet         folder ., key events.parquet
//	out/                   folder out, key "", as out if it is a folder already
//	in/*/x-{a,b}.jsonl     folder in, key */x-{a,b}.jsonl: a folder ends before the first of * ? [ {
//
// A file URL is a path behind file://, with nothing escaped: folders may be named page=%2Fhome.
func openFile(_ context.Context, place string) (bucket.Bucket, string, error) {
	p, err := pathOf(place)
	if err != nil {
		return nil, "", err
	}
	folder, key := splitPath(p)
	b, err := file.Open(folder)
	if err != nil {
		return nil, "", err
	}
	return b, key, nil
}

func pathOf(place string) (string, error) {
	if place == "" {
		return "", fault.Hint(fault.Errorf(fault.Invalid, "the place is empty"), "name a file or a folder, as data/events.parquet or out/")
	}
	if !schemeOf.MatchString(place) {
		return place, nil
	}
	p := place[strings.Index(place, "://")+len("://"):]
	p = strings.TrimPrefix(p, "localhost")
	if !strings.HasPrefix(p, "/") {
		err := fault.Errorf(fault.Invalid, "place %s: a file URL has an absolute path", place)
		return "", fault.Hint(err, "write file:///%s, or the plain path %s", p, p)
	}
	return p, nil
}

func splitPath(p string) (folder, key string) {
	folder, pattern := p, ""
	if at := strings.IndexAny(p, "*?[{"); at >= 0 {
		at = strings.LastIndexByte(p[:at], '/') + 1
		folder, pattern = p[:at], p[at:]
		if folder == "" {
			folder = "./"
		}
	} else if !isFolder(p) {
		folder, pattern = path.Split(p)
	}
	return path.Clean(folder), cleanKey(pattern)
}

// isFolder reports whether p means a folder: by its slash, by its last part, or because there is one.
func isFolder(p string) bool {
	if base := path.Base(p); strings.HasSuffix(p, "/") || base == "." || base == ".." {
		return true
	}
	info, err := os.Stat(p)
	return err == nil && info.IsDir()
}

// cleanKey drops empty and "." parts but keeps a slash at the end.
func cleanKey(key string) string {
	if key == "" {
		return ""
	}
	clean := strings.TrimPrefix(path.Clean(key), "/")
	if strings.HasSuffix(key, "/") {
		clean += "/"
	}
	return clean
}
