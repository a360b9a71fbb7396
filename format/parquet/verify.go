package parquet

import (
	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/gros-lake/gros/fault"
)

// verify reports nested rows and dictionary indices that point at nothing: footers that contradict their pages lead to
// them, and whoever looks at such rows would panic.
func verify(path string, d arrow.ArrayData) error {
	end := d.Offset() + d.Len()
	switch t := d.DataType().(type) {
	case *arrow.StructType:
		for i, child := range d.Children() {
			if child.Len() < end {
				return fault.Errorf(fault.Corrupt, "column %s.%s: %d values for %d rows", path, t.Field(i).Name, child.Len(), end)
			}
			if err := verify(path+"."+t.Field(i).Name, child); err != nil {
				return err
			}
		}
	case *arrow.ListType, *arrow.MapType:
		child := d.Children()[0]
		if err := verifyOffsets(path, d, end, child.Len()); err != nil {
			return err
		}
		return verify(path, child)
	case *arrow.DictionaryType:
		a := array.NewDictionaryData(d)
		for i, at := range a.Indices().(*array.Int32).Int32Values() {
			if (at < 0 || int(at) >= d.Dictionary().Len()) && a.IsValid(i) {
				return fault.Errorf(fault.Corrupt, "column %s: entry %d of a dictionary of %d", path, at, d.Dictionary().Len())
			}
		}
	}
	return nil
}

func verifyOffsets(path string, d arrow.ArrayData, end, values int) error {
	if d.Len() == 0 {
		return nil
	}
	offsets := arrow.Int32Traits.CastFromBytes(d.Buffers()[1].Bytes())
	if len(offsets) <= end {
		return fault.Errorf(fault.Corrupt, "column %s: %d offsets for %d rows", path, len(offsets), end)
	}
	last := int32(0)
	for _, o := range offsets[d.Offset() : end+1] {
		if o < last || int(o) > values {
			return fault.Errorf(fault.Corrupt, "column %s: a list ends at %d of %d values", path, o, values)
		}
		last = o
	}
	return nil
}
