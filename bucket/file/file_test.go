package file_test

import (
	"testing"

	"github.com/gros-lake/gros/bucket"
	"github.com/gros-lake/gros/bucket/buckettest"
	"github.com/gros-lake/gros/bucket/file"
	"github.com/gros-lake/gros/bucket/file/filetest"
)

func open(t *testing.T, root string) *file.Bucket {
	t.Helper()
	b, err := file.Open(root)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestSuite(t *testing.T) {
	buckettest.Run(t, func(t *testing.T) bucket.Bucket { return open(t, t.TempDir()+"/not/yet") })
}

func TestSuiteOnThePowerCutDisk(t *testing.T) {
	buckettest.Run(t, func(t *testing.T) bucket.Bucket { return onDisk(t, filetest.New()) })
}

func onDisk(t *testing.T, d *filetest.Disk) *file.Bucket {
	t.Helper()
	b, err := file.OpenFS(d, "/lake/out")
	if err != nil {
		t.Fatal(err)
	}
	return b
}
