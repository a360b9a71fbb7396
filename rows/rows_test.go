package rows

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// columns makes a schema of "name type, name type".
func columns(t testing.TB, text string) *arrow.Schema {
	t.Helper()
	dt, err := ParseType("struct(" + text + ")")
	if err != nil {
		t.Fatal(err)
	}
	fields := dt.(*arrow.StructType).Fields()
	for i, f := range fields {
		if base, ok := strings.CutSuffix(f.Name, DoubleSuffix); ok {
			fields[i] = DoubleCompanion(base)
		} else if base, ok := strings.CutSuffix(f.Name, TextSuffix); ok {
			fields[i] = TextCompanion(base)
		}
	}
	return arrow.NewSchema(fields, nil)
}

// table makes a batch of JSON objects, one per line.
func table(t testing.TB, schema, lines string) arrow.RecordBatch {
	t.Helper()
	b := array.NewRecordBuilder(memory.DefaultAllocator, columns(t, schema))
	for line := range strings.Lines(lines) {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		if err := b.UnmarshalJSON([]byte(line)); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
	}
	return b.NewRecordBatch()
}

// lines is what AppendJSON makes of r, nulls left out, one row per line.
func lines(r arrow.RecordBatch) string {
	var out []byte
	for i := range int(r.NumRows()) {
		row := AppendJSON(nil, r, i)
		for c := range int(r.NumCols()) {
			if r.Column(c).IsNull(i) || r.Column(c).NullN() == int(r.NumRows()) {
				key := AppendJSONString(nil, r.Schema().Field(c).Name)
				row = []byte(strings.Replace(string(row), string(key)+":null", "", 1))
			}
		}
		text := string(row)
		for strings.Contains(text, ",,") {
			text = strings.ReplaceAll(text, ",,", ",")
		}
		text = strings.ReplaceAll(strings.ReplaceAll(text, "{,", "{"), ",}", "}")
		out = append(append(out, text...), '\n')
	}
	return string(out)
}

// encode replaces the string columns of r by dictionaries.
func encode(r arrow.RecordBatch) arrow.RecordBatch {
	fields, cols := r.Schema().Fields(), make([]arrow.Array, r.NumCols())
	for c, col := range r.Columns() {
		cols[c] = col
		text, ok := col.(*array.String)
		if !ok {
			continue
		}
		b := array.NewDictionaryBuilder(memory.DefaultAllocator, TextDictionary.(*arrow.DictionaryType)).(*array.BinaryDictionaryBuilder)
		for i := range text.Len() {
			if text.IsNull(i) {
				b.AppendNull()
			} else if err := b.AppendString(text.Value(i)); err != nil {
				panic(err)
			}
		}
		cols[c] = b.NewArray()
		fields[c].Type = TextDictionary
	}
	return array.NewRecordBatch(arrow.NewSchema(fields, nil), cols, r.NumRows())
}

func schemaText(s *arrow.Schema) string {
	text := TypeName(arrow.StructOf(s.Fields()...))
	return strings.TrimSuffix(strings.TrimPrefix(text, "struct("), ")")
}

// twice is a batch with two columns of one name.
func twice(t testing.TB) arrow.RecordBatch {
	r := table(t, "x bigint, y bigint", `{"x":1,"y":2}`)
	fields := r.Schema().Fields()
	fields[1].Name = "x"
	return array.NewRecordBatch(arrow.NewSchema(fields, nil), r.Columns(), 1)
}

func sortedKeys(m map[string]int64) []string { return slices.Sorted(maps.Keys(m)) }

func hold(t testing.TB, held, declared *arrow.Schema, c Contract) *Holder {
	t.Helper()
	h, err := NewHolder(held, declared, c)
	if err != nil {
		t.Fatal(err)
	}
	return h
}
