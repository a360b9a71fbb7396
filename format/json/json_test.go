package json_test

import (
	"testing"

	"github.com/gros-lake/gros/format/formattest"
	"github.com/gros-lake/gros/format/json"
)

func TestFormat(t *testing.T) { formattest.Run(t, json.Format) }
