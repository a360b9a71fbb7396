package parquet_test

import (
	"testing"

	"github.com/gros-lake/gros/format/formattest"
	"github.com/gros-lake/gros/format/parquet"
)

func TestFormat(t *testing.T) { formattest.Run(t, parquet.Format) }
