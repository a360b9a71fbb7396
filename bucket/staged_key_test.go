package bucket

import (
	"path"
	"strings"
	"testing"
)

func TestStagedKeysTellTheirKeys(t *testing.T) {
	for _, key := range []string{
		"x", "out/events_0192f0c0000070008000a1b2c3d4e5f6.parquet", "page=%2Fhome/é~ü/a b", strings.Repeat("deep folder/", 80) + "x",
		strings.Repeat("l", 255), "a/.../b", "~/~~",
	} {
		for _, beside := range []string{"_gros/events/staged", "_gros/events/staged/"} {
			upload, err := NewStagedKey(key, beside)
			if err != nil {
				t.Fatal(err)
			}
			if CheckKey(upload) != nil || !strings.HasPrefix(upload, "_gros/events/staged/") {
				t.Errorf("%q is no key under %q", upload, beside)
			}
			for part := range strings.SplitSeq(upload, "/") {
				if len(part) > stagedPiece {
					t.Errorf("%q has a part of %d bytes", upload, len(part))
				}
			}
			for _, name := range []string{upload, PartKey(upload, 1), PartKey(upload, 99999)} {
				if got, up, ok := ParseStagedKey(name, beside); !ok || got != key || up != upload {
					t.Errorf("ParseStagedKey(%q) = %q, %q, %v; want %q, %q", name, got, up, ok, key, upload)
				}
			}
		}
	}
}

func TestAStagedKeyBeginsWithTheNameOfItsObject(t *testing.T) {
	const base = "events_0192f0c0000070008000a1b2c3d4e5f6.parquet"
	upload, err := NewStagedKey("out/year=2024/"+base, "s")
	if err != nil || !strings.HasPrefix(path.Base(upload), base+"~") {
		t.Errorf("%q, %v", upload, err)
	}
}

func TestStagedKeysAreUnique(t *testing.T) {
	seen := map[string]bool{}
	for range 1000 {
		upload, err := NewStagedKey("a/b", "s")
		if err != nil || seen[upload] {
			t.Fatalf("%q again, or %v", upload, err)
		}
		seen[upload] = true
	}
}

func TestStagingNeedsAPlaceBeside(t *testing.T) {
	for _, beside := range []string{"", "/", "../x", "/abs"} {
		if _, err := NewStagedKey("a", beside); err == nil {
			t.Errorf("staged under %q", beside)
		}
	}
}

func FuzzParseStagedKey(f *testing.F) {
	f.Add("s/x~~0123456789abcdef")
	f.Add("s/x~a%2Fb~0123456789abcdef/00001")
	f.Add("s/%zz~%~0123456789abcdef")
	f.Fuzz(func(t *testing.T, name string) {
		key, upload, ok := ParseStagedKey(name, "s")
		if !ok {
			return
		}
		if CheckKey(key) != nil || !strings.HasPrefix(name, upload) {
			t.Errorf("ParseStagedKey(%q) = %q, %q", name, key, upload)
		}
		again, err := NewStagedKey(key, "s")
		if got, _, ok := ParseStagedKey(again, "s"); err != nil || !ok || got != key {
			t.Errorf("key %q is staged as %q, which reads %q, %v", key, again, got, err)
		}
	})
}
