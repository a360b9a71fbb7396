package rows

import (
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
)

func TestNullsAreNullAndShareTheirMemory(t *testing.T) {
	for _, dt := range []arrow.DataType{
		arrow.Null, arrow.FixedWidthTypes.Boolean, arrow.PrimitiveTypes.Int8, arrow.PrimitiveTypes.Int64, arrow.PrimitiveTypes.Float32,
		&arrow.Decimal128Type{Precision: 20}, arrow.BinaryTypes.String, arrow.BinaryTypes.Binary, arrow.FixedWidthTypes.Date32,
		&arrow.TimestampType{Unit: arrow.Microsecond, TimeZone: "UTC"}, arrow.ListOf(arrow.PrimitiveTypes.Int64),
		arrow.StructOf(arrow.Field{Name: "a", Type: arrow.BinaryTypes.String, Nullable: true}),
	} {
		for _, n := range []int{0, 1, 63, 200_000} {
			col := Nulls(dt, n)
			if col.Len() != n || col.NullN() != n || !arrow.TypeEqual(col.DataType(), dt) {
				t.Errorf("%s: %d rows, %d nulls of %d", col.DataType(), col.Len(), col.NullN(), n)
			}
			for i := range min(n, 3) {
				if dt.ID() != arrow.NULL && col.IsValid(i) {
					t.Errorf("%s: row %d is not null", dt, i)
				}
			}
		}
	}
	many := make([]arrow.Array, 1000)
	fields := make([]arrow.Field, len(many))
	for i := range many {
		many[i], fields[i] = Nulls(arrow.PrimitiveTypes.Int64, 1000), arrow.Field{Name: string(rune('a' + i)), Type: arrow.PrimitiveTypes.Int64, Nullable: true}
	}
	if size := Size(array.NewRecordBatch(arrow.NewSchema(fields, nil), many, 1000)); size > 10_000 {
		t.Errorf("%d bytes for nothing", size)
	}
}
