package filetest

import (
	"bytes"
	"errors"
	"io/fs"
	"slices"
	"testing"
)

// outcomes crashes a disk with many seeds and returns what a file held then, "-" for no file.
func outcomes(t *testing.T, d *Disk, name string) []string {
	t.Helper()
	seen := map[string]bool{}
	for seed := range uint64(200) {
		seen[contents(t, d.Crash(seed), name)] = true
	}
	var all []string
	for body := range seen {
		all = append(all, body)
	}
	slices.Sort(all)
	return all
}

func contents(t *testing.T, d *Disk, name string) string {
	t.Helper()
	f, err := d.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return "-"
	}
	info, statErr := d.Stat(name)
	if err := errors.Join(err, statErr); err != nil {
		t.Fatal(err)
	}
	body := make([]byte, info.Size)
	if _, err := f.ReadAt(body, 0); err != nil && info.Size > 0 {
		t.Fatal(err)
	}
	return string(body)
}

func must(t *testing.T, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

func write(t *testing.T, d *Disk, name, body string, sync bool) {
	t.Helper()
	f, err := d.Create(name)
	must(t, err)
	_, err = f.WriteAt([]byte(body), 0)
	must(t, err)
	if sync {
		must(t, f.Sync())
	}
	must(t, f.Close())
}

func TestOnlyWhatIsSyncedSurvivesForSure(t *testing.T) {
	for _, c := range []struct {
		what            string
		bytes, name, up bool
		want            []string
	}{
		{"everything", true, true, true, []string{"rows"}},
		{"not the bytes", false, true, true, []string{"", "\x00", "\x00\x00", "\x00\x00\x00", "\x00\x00\x00\x00", "r", "ro", "row", "rows"}},
		{"not the name", true, false, true, []string{"-", "rows"}},
		{"not the folder's name", true, true, false, []string{"-", "rows"}},
	} {
		d := New()
		must(t, d.Mkdir("/a"))
		write(t, d, "/a/x", "rows", c.bytes)
		if c.name {
			must(t, d.SyncDir("/a"))
		}
		if c.up {
			must(t, d.SyncDir("/"))
		}
		if got := outcomes(t, d, "/a/x"); !slices.Equal(got, c.want) {
			t.Errorf("%s is synced: %q, want %q", c.what, got, c.want)
		}
		if got := contents(t, d, "/a/x"); got != "rows" {
			t.Errorf("the disk itself changed: %q", got)
		}
	}
}

func TestARenameIsOldOrNew(t *testing.T) {
	d := New()
	write(t, d, "/x", "old", true)
	write(t, d, "/t", "new", true)
	must(t, d.SyncDir("/"), d.Rename("/t", "/x"))
	if got := outcomes(t, d, "/x"); !slices.Equal(got, []string{"new", "old"}) {
		t.Errorf("before the sync: %q", got)
	}
	must(t, d.SyncDir("/"))
	if got := outcomes(t, d, "/x"); !slices.Equal(got, []string{"new"}) {
		t.Errorf("after it: %q", got)
	}
}

func TestARemovalMayBeUndone(t *testing.T) {
	d := New()
	write(t, d, "/x", "rows", true)
	must(t, d.SyncDir("/"), d.Remove("/x"))
	if got := outcomes(t, d, "/x"); !slices.Equal(got, []string{"-", "rows"}) {
		t.Errorf("before the sync: %q", got)
	}
}

func TestLinkedNamesStayOneFile(t *testing.T) {
	d := New()
	write(t, d, "/x", "rows", true)
	must(t, d.Link("/x", "/y"), d.SyncDir("/"))
	after := d.Crash(1)
	f, err := after.Modify("/y")
	must(t, err)
	_, err = f.WriteAt([]byte("R"), 0)
	must(t, err)
	if got := contents(t, after, "/x"); got != "Rows" {
		t.Errorf("x holds %q", got)
	}
	if err := d.Link("/x", "/y"); !errors.Is(err, fs.ErrExist) {
		t.Errorf("Link over a name: %v", err)
	}
}

func TestTornFilesMixSectors(t *testing.T) {
	d := New()
	body := bytes.Repeat([]byte("a"), 4*sector)
	write(t, d, "/x", string(body), true)
	f, err := d.Modify("/x")
	must(t, err)
	_, err = f.WriteAt(bytes.Repeat([]byte("b"), 4*sector), 0)
	must(t, err, d.SyncDir("/"))
	mixed := false
	for _, got := range outcomes(t, d, "/x") {
		mixed = mixed || bytes.ContainsRune([]byte(got), 'a') && bytes.ContainsRune([]byte(got), 'b')
		if len(got) != len(body) {
			t.Errorf("%d bytes are left", len(got))
		}
	}
	if !mixed {
		t.Error("no outcome is torn")
	}
}

func TestTheHookFailsTheNthOperation(t *testing.T) {
	d := New()
	stop := errors.New("stop")
	d.Hook = func(n int, op, name string) error {
		if n == 2 {
			return stop
		}
		return nil
	}
	must(t, d.Mkdir("/a"))
	if err := d.Mkdir("/b"); !errors.Is(err, stop) {
		t.Errorf("the second operation: %v", err)
	}
	must(t, d.Mkdir("/b"))
	if d.Ops() != 3 {
		t.Errorf("%d operations", d.Ops())
	}
}
