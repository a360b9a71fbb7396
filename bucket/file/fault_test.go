package file_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gros-lake/gros/bucket"
	"github.com/gros-lake/gros/bucket/file"
	"github.com/gros-lake/gros/bucket/file/filetest"
	"github.com/gros-lake/gros/fault"
	"github.com/gros-lake/gros/test/services"
)

func eio(op, name string) error { return &fs.PathError{Op: op, Path: name, Err: syscall.EIO} }

// until tries again while the disk fails. Nothing may fail for another reason.
func until(t *testing.T, b *file.Bucket, do func() error) {
	t.Helper()
	for range 3 {
		err := do()
		if err == nil {
			return
		}
		if !fault.Is(err, fault.Unavailable) {
			t.Fatalf("%v is %v", err, fault.KindOf(err))
		}
	}
	t.Fatal("fails for ever")
}

// putOnce puts a record as a writer does that meets its own record after a lost answer.
func putOnce(t *testing.T, b *file.Bucket, key, body string) error {
	_, err := bucket.PutBytes(t.Context(), b, key, []byte(body), bucket.Condition{IfAbsent: true})
	if !errors.Is(err, bucket.ErrCondition) {
		return err
	}
	got, err := bucket.ReadAll(t.Context(), b, key)
	if err == nil && string(got) != body {
		err = fmt.Errorf("%s holds %q", key, got)
	}
	return err
}

// stageOnce stages and completes, repeating each step that the disk failed.
func stageOnce(t *testing.T, b *file.Bucket, key string) error {
	w, err := b.Stage(t.Context(), key, beside)
	if err != nil {
		return err
	}
	body := content(key)
	for _, p := range []string{body[:700], body[700:]} {
		until(t, b, func() error {
			_, err := io.WriteString(w, p)
			return err
		})
	}
	var staged bucket.Staged
	until(t, b, func() (err error) {
		staged, err = w.Finish(t.Context())
		return err
	})
	until(t, b, func() error { return b.Complete(t.Context(), staged) })
	return nil
}

// everything reads all objects but the staged ones that an Abort would sweep.
func everything(t *testing.T, b *file.Bucket) map[string]string {
	t.Helper()
	for s, err := range b.Staged(t.Context(), "", beside) {
		if err != nil {
			t.Fatal(err)
		}
		if err := b.Abort(t.Context(), s); err != nil {
			t.Fatal(err)
		}
	}
	all := map[string]string{}
	for o, err := range b.List(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		data, err := bucket.ReadAll(t.Context(), b, o.Key)
		if err != nil {
			t.Fatal(err)
		}
		all[o.Key] = string(data)
	}
	return all
}

func noTemps(t *testing.T, disk file.FS, dir, when string) {
	t.Helper()
	entries, err := disk.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name, ".gros-") {
			t.Errorf("%s: %s is left in %s", when, e.Name, dir)
		}
		if e.Folder {
			noTemps(t, disk, dir+"/"+e.Name, when)
		}
	}
}

func TestErrorsOfTheDiskHaveKinds(t *testing.T) {
	for no, want := range map[syscall.Errno]struct {
		kind fault.Kind
		hint string
	}{
		syscall.ENOSPC: {fault.Unavailable, "free space on the disk of /lake/out"},
		syscall.EDQUOT: {fault.Unavailable, "free space"},
		syscall.EIO:    {fault.Unavailable, ""},
		syscall.EACCES: {fault.Denied, "permissions"},
		syscall.EPERM:  {fault.Denied, "permissions"},
		syscall.EROFS:  {fault.Denied, "permissions"},
		syscall.EMFILE: {fault.Unavailable, "ulimit"},
		syscall.EXDEV:  {fault.Invalid, "hard links"},
	} {
		disk := filetest.New()
		disk.Hook = func(_ int, op, name string) error {
			if op == "write" || op == "link" {
				return &fs.PathError{Op: op, Path: name, Err: no}
			}
			return nil
		}
		_, err := bucket.PutBytes(t.Context(), onDisk(t, disk), "a/b", []byte("body"), bucket.Condition{IfAbsent: true})
		if !fault.Is(err, want.kind) || !strings.Contains(fault.HintOf(err), want.hint) || !strings.Contains(err.Error(), "/lake/out/a/") {
			t.Errorf("%v: %v is %v with the hint %q", no, err, fault.KindOf(err), fault.HintOf(err))
		}
		disk.Hook = nil
		noTemps(t, disk, "/lake/out", no.Error())
	}
}

func TestARootThatIsAFileSaysSo(t *testing.T) {
	root := filepath.Join(t.TempDir(), "events.parquet")
	if err := os.WriteFile(root, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	b := open(t, root)
	ctx := t.Context()
	_, statErr := b.Stat(ctx, "x")
	_, getErr := b.Get(ctx, "x", 0, -1)
	_, putErr := bucket.PutBytes(ctx, b, "a/x", nil, bucket.Condition{})
	_, stageErr := b.Stage(ctx, "x", beside)
	var listErr error
	for _, listErr = range b.List(ctx, "") {
	}
	for what, err := range map[string]error{"Stat": statErr, "Get": getErr, "Put": putErr, "Stage": stageErr, "List": listErr} {
		if !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), root+": is a file, not a folder") {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestAFolderIsNoObject(t *testing.T) {
	b := open(t, t.TempDir())
	if err := putOnce(t, b, "a/b/c", "x"); err != nil {
		t.Fatal(err)
	}
	for _, c := range []bucket.Condition{{}, {IfAbsent: true}} {
		if _, err := bucket.PutBytes(t.Context(), b, "a/b", []byte("y"), c); !fault.Is(err, fault.Invalid) {
			t.Errorf("Put over a folder: %v", err)
		}
		if _, err := bucket.PutBytes(t.Context(), b, "a/b/c/d", []byte("y"), c); !fault.Is(err, fault.Invalid) {
			t.Errorf("Put under an object: %v", err)
		}
	}
}

func TestTemporaryFilesOfTheDeadAreRemovedAndOthersAreNot(t *testing.T) {
	disk := filetest.New()
	if err := putOnce(t, onDisk(t, disk), "log/0", "x"); err != nil {
		t.Fatal(err)
	}
	const temp = "/lake/out/log/.gros-abc.tmp"
	if _, err := disk.Create(temp); err != nil {
		t.Fatal(err)
	}
	if got := everything(t, onDisk(t, disk)); len(got) != 1 {
		t.Errorf("temporary files are listed: %q", got)
	}
	unlock, err := disk.LockShared("/lake/out/log") // its writer lives
	if err != nil {
		t.Fatal(err)
	}
	b := onDisk(t, disk)
	if err := putOnce(t, b, "log/1", "x"); err != nil {
		t.Fatal(err)
	}
	if _, err := disk.Stat(temp); err != nil {
		t.Errorf("the temporary file of a process at work was removed: %v", err)
	}
	if err := unlock(); err != nil { // its writer died
		t.Fatal(err)
	}
	if err := putOnce(t, b, "log/2", "x"); err != nil {
		t.Fatal(err)
	}
	noTemps(t, disk, "/lake/out", "after a put")
}

func TestARecordIsPutAgainWhenItsTemporaryFileIsTaken(t *testing.T) {
	disk := filetest.New()
	taken := false
	disk.Hook = func(_ int, op, name string) error {
		if op != "link" || taken {
			return nil
		}
		taken = true
		entries, err := disk.ReadDir(filepath.Dir(name))
		if err != nil || len(entries) != 1 {
			t.Errorf("%v, %v", entries, err)
			return err
		}
		return disk.Remove(filepath.Join(filepath.Dir(name), entries[0].Name))
	}
	if err := putOnce(t, onDisk(t, disk), "log/0", "x"); err != nil || !taken {
		t.Error(err)
	}
}

func TestLocksHoldBetweenBuckets(t *testing.T) {
	root := t.TempDir()
	o, err := bucket.PutBytes(t.Context(), open(t, root), "n", []byte("0"), bucket.Condition{})
	if err != nil {
		t.Fatal(err)
	}
	wins := make(chan error, 16)
	for i := range cap(wins) {
		go func() {
			b, err := file.Open(root)
			if err == nil {
				_, err = bucket.PutBytes(context.Background(), b, "n", fmt.Append(nil, i), bucket.Condition{IfVersion: o.Version})
			}
			wins <- err
		}()
	}
	won := 0
	for range cap(wins) {
		if err := <-wins; err == nil {
			won++
		} else if !errors.Is(err, bucket.ErrCondition) {
			t.Error(err)
		}
	}
	if won != 1 {
		t.Errorf("%d writers replaced one version", won)
	}
}

func TestASleeperWithALockStopsNobodyForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := filetest.New()
		b := onDisk(t, disk)
		if err := putOnce(t, b, "log/0", "x"); err != nil {
			t.Fatal(err)
		}
		unlock, err := disk.Lock("/lake/out/log") // and falls asleep
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		if err := putOnce(t, onDisk(t, disk), "log/1", "x"); err != nil || time.Since(start) > 0 {
			t.Errorf("a record is put after %v: %v", time.Since(start), err)
		}
		if err := b.Delete(t.Context(), "log/0"); !fault.Is(err, fault.Unavailable) || !strings.Contains(fault.HintOf(err), "stopped") {
			t.Errorf("Delete: %v", err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := bucket.PutBytes(ctx, b, "log/0", nil, bucket.Condition{}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Put with a deadline: %v", err)
		}
		time.AfterFunc(time.Second, func() {
			if err := unlock(); err != nil {
				t.Error(err)
			}
		})
		if err := b.Delete(t.Context(), "log/0"); err != nil {
			t.Errorf("Delete after the sleeper woke: %v", err)
		}
	})
}

func TestOpenStagedFilesNeedNoDescriptors(t *testing.T) {
	count := func() int {
		entries, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		return len(entries)
	}
	if _, err := os.Stat("/proc/self/fd"); err != nil {
		services.Missing(t, "/proc/self/fd", err)
	}
	b := open(t, t.TempDir())
	before := count()
	for i := range 200 {
		w, err := b.Stage(t.Context(), fmt.Sprint("p/", i), beside)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, "rows"); err != nil {
			t.Fatal(err)
		}
	}
	if after := count(); after > before+10 {
		t.Errorf("%d descriptors became %d", before, after)
	}
}

func TestAForgedUploadRemovesNothing(t *testing.T) {
	b := open(t, t.TempDir())
	if err := putOnce(t, b, "data/x", "rows"); err != nil {
		t.Fatal(err)
	}
	for _, upload := range []string{"data/x", "../x", "/etc/passwd", "", "data/x~y~0123456789abcdef"} {
		if err := b.Abort(t.Context(), bucket.Staged{Key: "data/x", Upload: upload}); !fault.Is(err, fault.Invalid) {
			t.Errorf("Abort of %q: %v", upload, err)
		}
	}
	if err := putOnce(t, b, "data/x", "rows"); err != nil {
		t.Error(err)
	}
}

func TestFoldersRemovedMeanwhileAreMadeAgain(t *testing.T) {
	root := t.TempDir()
	b := open(t, root)
	for i := range 3 {
		if err := putOnce(t, b, "a/b/x", "rows"); err != nil {
			t.Fatal(err)
		}
		if err := stageOnce(t, b, fmt.Sprint("a/c/", i)); err != nil {
			t.Fatal(err)
		}
		if err := os.RemoveAll(root + "/a"); err != nil {
			t.Fatal(err)
		}
	}
}

func TestOnlyFilesAreListed(t *testing.T) {
	root := t.TempDir()
	b := open(t, root)
	if err := putOnce(t, b, "a/x", "rows"); err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{
		os.Symlink("x", root+"/a/link"), os.Symlink("nowhere", root+"/a/dangling"), os.Symlink("..", root+"/a/loop"),
		syscall.Mkfifo(root+"/a/pipe", 0o666), os.Mkdir(root+"/empty", 0o777),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	for o, err := range b.List(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, o.Key)
	}
	if fmt.Sprint(got) != "[a/link a/x]" {
		t.Errorf("List = %q", got)
	}
	if _, err := b.Get(t.Context(), "a/pipe", 0, -1); !errors.Is(err, bucket.ErrNotFound) {
		t.Errorf("Get of a pipe: %v", err)
	}
}
