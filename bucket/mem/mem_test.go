package mem_test

import (
	"testing"

	"github.com/gros-lake/gros/bucket"
	"github.com/gros-lake/gros/bucket/buckettest"
	"github.com/gros-lake/gros/bucket/mem"
)

func TestSuite(t *testing.T) {
	buckettest.Run(t, func(*testing.T) bucket.Bucket { return mem.New() })
}

func TestSuiteWithoutNativeStaging(t *testing.T) {
	buckettest.Run(t, func(*testing.T) bucket.Bucket { return mem.Plain(mem.New()) })
}
