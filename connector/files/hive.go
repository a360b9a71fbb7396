package files

import (
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// hiveNull is how Hive and Spark write the folder of null.
const hiveNull = "__HIVE_DEFAULT_PARTITION__"

// partition is a column that the folders of a file say.
type partition struct {
	name, value string
	null        bool
}

// partitionsOf reads the folders of a split's ID: year=2024/page=%2Fhome.
func partitionsOf(id string) []partition {
	parts := strings.Split(id, "/")
	var all []partition
	for _, part := range parts[:len(parts)-1] {
		name, value, found := strings.Cut(part, "=")
		if !found || name == "" {
			continue
		}
		p := partition{unescape(name), unescape(value), value == hiveNull}
		// A name twice means the inner folder.
		all = slices.DeleteFunc(all, func(q partition) bool { return q.name == p.name })
		all = append(all, p)
	}
	return all
}

func unescape(text string) string {
	if plain, err := url.PathUnescape(text); err == nil {
		return plain
	}
	return text
}

// hive is what is known of the columns that folders say: those with a value that is no integer.
type hive map[string]bool

func (h hive) learn(all []partition) {
	for _, p := range all {
		if v, err := strconv.ParseInt(p.value, 10, 64); !p.null && (err != nil || strconv.FormatInt(v, 10) != p.value) {
			h[p.name] = true
		}
	}
}

// add adds columns to rec that hold the same value in each row. A column that the file has itself stays as it is.
func (h hive) add(rec arrow.RecordBatch, all []partition) arrow.RecordBatch {
	fields, columns := slices.Clone(rec.Schema().Fields()), slices.Clone(rec.Columns())
	for _, p := range all {
		if len(rec.Schema().FieldIndices(p.name)) > 0 {
			continue
		}
		column := h.column(p, int(rec.NumRows()))
		fields = append(fields, arrow.Field{Name: p.name, Type: column.DataType(), Nullable: true})
		columns = append(columns, column)
	}
	md := rec.Schema().Metadata()
	return array.NewRecordBatch(arrow.NewSchema(fields, &md), columns, rec.NumRows())
}

func (h hive) column(p partition, n int) arrow.Array {
	v, err := strconv.ParseInt(p.value, 10, 64)
	integer := !h[p.name] && (p.null || err == nil)
	switch {
	case p.null && integer:
		return array.MakeArrayOfNull(memory.DefaultAllocator, arrow.PrimitiveTypes.Int64, n)
	case p.null:
		return array.MakeArrayOfNull(memory.DefaultAllocator, arrow.BinaryTypes.String, n)
	case integer:
		values := make([]int64, n)
		for i := range values {
			values[i] = v
		}
		buffers := []*memory.Buffer{nil, memory.NewBufferBytes(arrow.GetBytes(values))}
		return array.NewInt64Data(array.NewData(arrow.PrimitiveTypes.Int64, n, buffers, nil, 0, 0))
	}
	dict := array.NewStringBuilder(memory.DefaultAllocator)
	dict.Append(p.value)
	t := &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int32, ValueType: arrow.BinaryTypes.String}
	buffers := []*memory.Buffer{nil, memory.NewBufferBytes(make([]byte, 4*n))}
	return array.NewDictionaryData(array.NewDataWithDictionary(t, n, buffers, 0, 0, dict.NewArray().Data().(*array.Data)))
}
