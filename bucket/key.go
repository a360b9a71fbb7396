package bucket

import (
	"strings"

	"github.com/gros-lake/gros/fault"
)

// CheckKey reports why key cannot name an object: it must be a relative path with slashes, without empty, "." or ".." part
// and without NUL.
func CheckKey(key string) error {
	if strings.IndexByte(key, 0) >= 0 {
		return fault.Errorf(fault.Invalid, "key %q: holds a NUL byte", key)
	}
	if strings.HasPrefix(key, "/") {
		return fault.Errorf(fault.Invalid, "key %q: is absolute; keys are relative to their bucket", key)
	}
	for part := range strings.SplitSeq(key, "/") {
		if part == "" || part == "." || part == ".." {
			return fault.Errorf(fault.Invalid, "key %q: has a part %q", key, part)
		}
	}
	return nil
}

// CheckRange reports why Get cannot read from off.
func CheckRange(key string, off int64) error {
	if off < 0 {
		return fault.Errorf(fault.Invalid, "%s: offset %d is negative", key, off)
	}
	return nil
}
