package cli

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/gros-lake/gros"
	"github.com/gros-lake/gros/rows"
)

const (
	tableRows   = 1000 // that are aligned together
	cellWidth   = 48   // of a value, where there are several columns
	narrowWidth = 20   // and not all of them fit
	widestCell  = 256  // however wide the terminal is
)

// table prints rows as people read them: names, types, and aligned values.
type table struct {
	out     io.Writer
	note    io.Writer
	width   int // of the terminal, 0: as wide as it takes
	reading *gros.Reading
	ctx     context.Context

	schema  *arrow.Schema
	waiting [][]string
	written bool
	hidden  int // columns for which there was no room
}

func (t *table) write(rec arrow.RecordBatch) error {
	if t.schema != nil && !sameNames(t.schema, rec.Schema()) {
		if err := t.flush(); err != nil {
			return err
		}
	}
	t.schema = rec.Schema()
	for i := range int(rec.NumRows()) {
		line := make([]string, rec.NumCols())
		for j, col := range rec.Columns() {
			line[j] = cell(col, i)
		}
		t.waiting = append(t.waiting, line)
		if len(t.waiting) == tableRows {
			if err := t.flush(); err != nil {
				return err
			}
		}
	}
	return nil
}

func sameNames(a, b *arrow.Schema) bool {
	if a == b {
		return true
	}
	if a.NumFields() != b.NumFields() {
		return false
	}
	for i := range a.NumFields() {
		if a.Field(i).Name != b.Field(i).Name || !rows.SameType(a.Field(i).Type, b.Field(i).Type) {
			return false
		}
	}
	return true
}

// cell is a value as it stands in a table.
func cell(col arrow.Array, i int) string {
	if col.IsNull(i) {
		return "NULL"
	}
	switch a := col.(type) {
	case *array.String:
		return visible(a.Value(i))
	case *array.Dictionary:
		return cell(a.Dictionary(), a.GetValueIndex(i))
	case *array.Null:
		return "NULL"
	}
	text := string(rows.AppendJSONValue(nil, col, i))
	switch col.(type) {
	case *array.Timestamp, *array.Date32, *array.Time64, *array.Binary, *array.Float64, *array.Float32:
		text = strings.Trim(text, `"`)
	}
	return visible(text)
}

func (t *table) end() error {
	if t.schema == nil { // no row came: the columns at least
		s, err := t.reading.Schema(t.ctx)
		if err != nil {
			return err
		}
		t.schema = s
	}
	if len(t.schema.Fields()) > 0 && (!t.written || len(t.waiting) > 0) {
		if err := t.flush(); err != nil {
			return err
		}
	}
	if t.hidden > 0 {
		fmt.Fprintf(t.note, "%s more; --columns chooses, --format jsonl shows all\n", counted(int64(t.hidden), "column"))
	}
	return nil
}

// flush prints what waits, under a header.
func (t *table) flush() error {
	widths, n := t.layout()
	var b strings.Builder
	if t.written {
		b.WriteByte('\n')
	}
	t.written = true
	fields := t.schema.Fields()
	row := func(at func(j int) string) {
		for j := range n {
			text := cut(at(j), widths[j])
			switch {
			case numeric(fields[j].Type):
				text = padLeft(text, widths[j])
			case j < n-1 || n < len(fields):
				text = pad(text, widths[j])
			}
			if j > 0 {
				b.WriteString("  ")
			}
			b.WriteString(text)
		}
		if n < len(fields) {
			b.WriteString("  …")
		}
		b.WriteByte('\n')
	}
	row(func(j int) string { return visible(fields[j].Name) })
	row(func(j int) string { return typeOf(fields[j]) })
	row(func(j int) string { return strings.Repeat("─", widths[j]) })
	for _, line := range t.waiting {
		row(func(j int) string { return line[j] })
	}
	t.waiting = t.waiting[:0]
	_, err := io.WriteString(t.out, b.String())
	return err
}

func typeOf(f arrow.Field) string {
	if _, merged := f.Metadata.GetValue(gros.JSONColumn); merged {
		return "json"
	}
	return rows.TypeName(f.Type)
}

// layout decides how wide the columns are, and how many of them there is room for. Where not all fit, they are narrower.
func (t *table) layout() (widths []int, n int) {
	widths = t.widths()
	if t.width == 0 {
		return widths, len(widths)
	}
	for _, most := range []int{cellWidth, narrowWidth} {
		if len(widths) > 1 {
			for j, w := range widths {
				widths[j] = min(w, max(most, cells(visible(t.schema.Field(j).Name))))
			}
		}
		if n = t.fit(widths); n == len(widths) {
			break
		}
	}
	t.hidden = max(t.hidden, len(widths)-n)
	return widths, n
}

// widths is how wide the columns would like to be.
func (t *table) widths() []int {
	var widths []int
	for j, f := range t.schema.Fields() {
		w := max(cells(visible(f.Name)), min(cells(typeOf(f)), 16), 1)
		for _, line := range t.waiting {
			w = max(w, min(cells(line[j]), widestCell))
		}
		widths = append(widths, w)
	}
	return widths
}

// fit returns how many columns there is room for. The first is cut if it must be.
func (t *table) fit(widths []int) int {
	used := 0
	for n := range widths {
		room := t.width - used
		if n < len(widths)-1 {
			room -= 3 // for the mark that more follows
		}
		if widths[n] > room && n > 0 {
			return n
		}
		widths[n] = max(min(widths[n], room), 1)
		used += widths[n] + 2
	}
	return len(widths)
}

func numeric(dt arrow.DataType) bool {
	switch dt.ID() {
	case arrow.INT8, arrow.INT16, arrow.INT32, arrow.INT64, arrow.FLOAT32, arrow.FLOAT64, arrow.DECIMAL128:
		return true
	}
	return false
}
