package rows

import (
	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// PayloadColumn is the binary column of a batch of undecoded payloads; other columns (key, time, headers, place) may
// stand beside it.
const PayloadColumn = "payload"

// Keys of the schema metadata of a batch of payloads.
const (
	payloadFormat = "gros.format" // the format that decodes it, "" if the source cannot tell
	payloadBlocks = "gros.blocks" // "true": each value is a block of many documents
	payloadHeader = "gros.header" // what the decoder must know of the file's beginning, as the format writes it
)

// Payload is a run of undecoded documents.
type Payload struct {
	Format string // name of the format, "" if unknown
	Header string // what a reader of the format learnt from the file's beginning (the names of CSV columns)
	Blocks bool   // each value holds many whole documents, as the format separates them; else one
	Values *array.Binary
}

// NewPayload returns a batch's rows for values: one binary column, no copy. With blocks, each value is many whole documents.
func NewPayload(format, header string, blocks bool, values ...[]byte) arrow.RecordBatch {
	b := array.NewBinaryBuilder(memory.DefaultAllocator, arrow.BinaryTypes.Binary)
	var col arrow.Array
	if len(values) == 1 {
		offsets := arrow.Int32Traits.CastToBytes([]int32{0, int32(len(values[0]))})
		data := array.NewData(arrow.BinaryTypes.Binary, 1, []*memory.Buffer{nil, memory.NewBufferBytes(offsets), memory.NewBufferBytes(values[0])}, nil, 0, 0)
		col = array.NewBinaryData(data)
	} else {
		b.AppendValues(values, nil)
		col = b.NewArray()
	}
	md := map[string]string{payloadFormat: format, payloadHeader: header}
	if blocks {
		md[payloadBlocks] = "true"
	}
	meta := arrow.MetadataFrom(md)
	schema := arrow.NewSchema([]arrow.Field{{Name: PayloadColumn, Type: arrow.BinaryTypes.Binary}}, &meta)
	return array.NewRecordBatch(schema, []arrow.Array{col}, int64(col.Len()))
}

// PayloadOf returns the payloads of r; ok is false when r holds columns already.
func PayloadOf(r arrow.RecordBatch) (p Payload, ok bool) {
	if r == nil {
		return p, false
	}
	md := r.Schema().Metadata()
	format, marked := md.GetValue(payloadFormat)
	if !marked {
		return p, false
	}
	i := r.Schema().FieldIndices(PayloadColumn)
	if len(i) != 1 {
		return p, false
	}
	p.Values, ok = r.Column(i[0]).(*array.Binary)
	p.Format = format
	p.Header, _ = md.GetValue(payloadHeader)
	blocks, _ := md.GetValue(payloadBlocks)
	p.Blocks = blocks == "true"
	return p, ok
}
