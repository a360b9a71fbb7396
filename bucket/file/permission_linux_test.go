package file_test

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/gros-lake/gros/bucket"
	"github.com/gros-lake/gros/fault"
)

func TestAFolderWithoutPermissionIsDenied(t *testing.T) {
	root := t.TempDir()
	for dir, mode := range map[string]os.FileMode{filepath.Dir(root): 0o755, root: 0o555} {
		if err := os.Chmod(dir, mode); err != nil {
			t.Fatal(err)
		}
	}
	if os.Getuid() == 0 { // root may write anywhere, so this thread is nobody for a while
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		if err := syscall.Setfsuid(65534); err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := syscall.Setfsuid(0); err != nil {
				t.Error(err)
			}
		}()
	}
	b := open(t, root)
	_, err := bucket.PutBytes(t.Context(), b, "x", nil, bucket.Condition{})
	if !fault.Is(err, fault.Denied) || !strings.Contains(err.Error(), root) {
		t.Errorf("Put: %v", err)
	}
	if _, err = b.Stage(t.Context(), "x", beside); !fault.Is(err, fault.Denied) || !strings.Contains(err.Error(), root) {
		t.Errorf("Stage: %v", err)
	}
}
