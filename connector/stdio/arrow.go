package stdio

import (
	"context"
	"fmt"
	"io"
	"strconv"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/compute"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/gros-lake/gros/fault"
	"github.com/gros-lake/gros/format"
	"github.com/gros-lake/gros/rows"
)

// arrowFormat is the name of Arrow's IPC stream. A position is the number of its batches that were read.
const arrowFormat = "arrow"

func readArrow(ctx context.Context, in format.Input, pos rows.Position, emit func(rows.Batch) error) (err error) {
	body, err := in.Open(ctx, 0, -1)
	if err != nil {
		return err
	}
	defer func() {
		if e := body.Close(); err == nil {
			err = e
		}
	}()
	skip := 0
	if pos != "" {
		if skip, err = strconv.Atoi(string(pos)); err != nil {
			return fault.Errorf(fault.Invalid, "stdin: position %q is no number of batches", pos)
		}
	}
	return arrowBatches(ctx, body, skip, emit)
}

func arrowBatches(ctx context.Context, body io.Reader, skip int, emit func(rows.Batch) error) error {
	n := 0
	damaged := func(err error) error { return fault.Errorf(fault.Corrupt, "stdin: Arrow batch %d: %w", n, err) }
	r, err := ipc.NewReader(body, ipc.WithAllocator(memory.DefaultAllocator))
	if err != nil {
		return damaged(err)
	}
	for {
		rec, err := r.Read()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return damaged(err)
		}
		if err := array.ValidateRecordFull(rec); err != nil {
			return damaged(err)
		}
		if n++; n <= skip {
			continue
		}
		if rec, err = plain(ctx, rec); err != nil {
			return fmt.Errorf("stdin: Arrow batch %d: %w", n-1, err)
		}
		if err := emit(rows.Batch{Rows: rec, Position: rows.Position(strconv.Itoa(n))}); err != nil {
			return err
		}
	}
}

// plain makes rec anew, for the reader takes its own back, and casts the columns that have types which batches do not.
func plain(ctx context.Context, rec arrow.RecordBatch) (arrow.RecordBatch, error) {
	fields, columns := rec.Schema().Fields(), make([]arrow.Array, rec.NumCols())
	out := make([]arrow.Field, len(fields))
	for i, f := range fields {
		column, t := rec.Column(i), plainType(f.Type)
		if !arrow.TypeEqual(t, f.Type) {
			var err error
			if column, err = compute.CastArray(ctx, column, compute.SafeCastOptions(t)); err != nil {
				return nil, fault.Errorf(fault.Invalid, "column %s: %s cannot be read as %s: %w", f.Name, f.Type, t, err)
			}
		}
		columns[i], out[i] = column, arrow.Field{Name: f.Name, Type: t, Nullable: true}
	}
	return array.NewRecordBatch(arrow.NewSchema(out, nil), columns, rec.NumRows()), nil
}

// plainType is the type of batches for a type of Arrow: the one that holds all its values.
func plainType(t arrow.DataType) arrow.DataType {
	switch t := t.(type) {
	case *arrow.Uint8Type:
		return arrow.PrimitiveTypes.Int16
	case *arrow.Uint16Type:
		return arrow.PrimitiveTypes.Int32
	case *arrow.Uint32Type, *arrow.DurationType:
		return arrow.PrimitiveTypes.Int64
	case *arrow.Uint64Type:
		return &arrow.Decimal128Type{Precision: 20}
	case *arrow.Float16Type:
		return arrow.PrimitiveTypes.Float32
	case *arrow.LargeStringType, *arrow.StringViewType:
		return arrow.BinaryTypes.String
	case *arrow.LargeBinaryType, *arrow.BinaryViewType, *arrow.FixedSizeBinaryType:
		return arrow.BinaryTypes.Binary
	case *arrow.Date64Type:
		return arrow.FixedWidthTypes.Date32
	case *arrow.Time32Type, *arrow.Time64Type:
		return arrow.FixedWidthTypes.Time64us
	case *arrow.TimestampType:
		zone := ""
		if t.TimeZone != "" {
			zone = "UTC" // the instant is the same
		}
		return &arrow.TimestampType{Unit: arrow.Microsecond, TimeZone: zone}
	case *arrow.DictionaryType:
		if t.IndexType.ID() == arrow.INT32 && t.ValueType.ID() == arrow.STRING {
			return t
		}
		return plainType(t.ValueType)
	case *arrow.ListType:
		return arrow.ListOf(plainType(t.Elem()))
	case *arrow.LargeListType:
		return arrow.ListOf(plainType(t.Elem()))
	case *arrow.FixedSizeListType:
		return arrow.ListOf(plainType(t.Elem()))
	case *arrow.StructType:
		fields := t.Fields()
		for i := range fields {
			fields[i] = arrow.Field{Name: fields[i].Name, Type: plainType(fields[i].Type), Nullable: true}
		}
		return arrow.StructOf(fields...)
	case arrow.ExtensionType:
		return plainType(t.StorageType())
	}
	return t
}
