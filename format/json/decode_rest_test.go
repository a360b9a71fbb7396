package json

import (
	"fmt"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/gros-lake/gros/format"
	"github.com/gros-lake/gros/rows"
)

// Short documents of a wide schema are decoded in several batches, each of which takes little.
func TestManyColumnsDivideABlock(t *testing.T) {
	const columns, lines = 5000, 4000
	fields := make([]arrow.Field, columns)
	for i := range fields {
		fields[i] = arrow.Field{Name: fmt.Sprintf("c%d", i), Type: arrow.PrimitiveTypes.Int64, Nullable: true}
	}
	s := arrow.NewSchema(fields, nil)
	var text strings.Builder
	for i := range lines {
		if i == 3000 {
			text.WriteString("nope\n")
		}
		fmt.Fprintf(&text, "{\"c%d\":%d}\n", i%columns, i)
	}
	d, err := NewDecoder(format.DecodeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	block, read, refused, batches := []byte(text.String()), 0, 0, 0
	for {
		p, _ := rows.PayloadOf(rows.NewPayload("json", "", true, block))
		out, err := d.Decode(p, s)
		if err != nil || out.Drift {
			t.Fatalf("drift %v, %v", out.Drift, err)
		}
		for i := range int(out.Rows.NumRows()) {
			col := out.Rows.Column((read + i) % columns)
			if col.NullN() != col.Len()-1 || col.ValueStr(i) != fmt.Sprint(read+i) {
				t.Fatalf("row %d: %s", read+i, col)
			}
		}
		for _, r := range out.Rejects {
			if at := int(r.Offset); string(block[at:at+5]) != "nope\n" {
				t.Errorf("reject at %d: %q", at, block[at:at+5])
			}
		}
		if size := rows.Size(out.Rows); size > 2*batchBytes {
			t.Errorf("a batch of %d bytes", size)
		}
		read, refused, batches = read+int(out.Rows.NumRows()), refused+len(out.Rejects), batches+1
		if out.Rest == 0 {
			break
		}
		block = block[len(block)-int(out.Rest):]
	}
	if read != lines || refused != 1 || batches < 4 {
		t.Errorf("%d rows, %d rejects in %d batches", read, refused, batches)
	}
}
