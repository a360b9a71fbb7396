package csv_test

import (
	"testing"

	"github.com/gros-lake/gros/format/csv"
	"github.com/gros-lake/gros/format/formattest"
)

func TestFormat(t *testing.T) { formattest.Run(t, csv.Format) }
