// Package all opens every kind of bucket that Gros ships, one file each.
package all

import (
	"context"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/gros-lake/gros/bucket"
	"github.com/gros-lake/gros/fault"
)

// openers holds an Opener by URL scheme; "" is that of places without one. The files of this package fill it.
var openers = map[string]bucket.Opener{}

var schemeOf = regexp.MustCompile(`^([A-Za-z][A-Za-z0-9+.-]*)://`)

// Open is a bucket.Opener for the places of every scheme in this package.
func Open(ctx context.Context, place string) (b bucket.Bucket, key string, err error) {
	scheme := ""
	if m := schemeOf.FindStringSubmatch(place); m != nil {
		scheme = strings.ToLower(m[1])
	}
	open, ok := openers[scheme]
	if !ok {
		return nil, "", unknown(place, scheme)
	}
	return open(ctx, place)
}

func unknown(place, scheme string) error {
	var known []string
	for _, name := range slices.Sorted(maps.Keys(openers)) {
		if name != "" {
			known = append(known, name+"://")
		}
	}
	err := fault.Errorf(fault.Invalid, "place %s: no bucket of scheme %s; schemes are %s, or a plain path", place, scheme, strings.Join(known, ", "))
	if near := fault.Nearest(scheme+"://", known); near != "" {
		return fault.Hint(err, "did you mean %s?", near)
	}
	return err
}
