package parquet

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/apache/arrow-go/v18/parquet/metadata"

	"github.com/gros-lake/gros/fault"
	"github.com/gros-lake/gros/format"
)

const (
	tailBytes = 64 << 10 // read at once from the end: most footers are shorter
	endBytes  = 8        // length of the footer, magic
)

// Stat reads the footer alone: the number of rows, and the schema as a Reader of all columns has it.
func Stat(ctx context.Context, in format.Input) (rows int64, schema *arrow.Schema, err error) {
	r, err := open(ctx, in, format.ReadOptions{})
	if err != nil {
		return 0, nil, err
	}
	return r.meta.NumRows, r.schema, nil
}

// readFooter reads, checks and simplifies the footer: texts of any kind are strings, what is not needed to read rows is gone.
func readFooter(ctx context.Context, in format.Input) (meta *metadata.FileMetaData, err error) {
	if in.Size < 0 {
		err := fault.Errorf(fault.Invalid, "%s: a Parquet file cannot be read from a stream", in.Name)
		return nil, fault.Hint(err, "store it in a file first: its footer comes last")
	}
	footer, err := footerBytes(ctx, in)
	if err != nil {
		return nil, err
	}
	err = guard(func() error {
		if err := checkThrift(footer); err != nil {
			return err
		}
		if meta, err = metadata.NewFileMetaData(footer, nil); err != nil {
			return err
		}
		if meta.IsSetEncryptionAlgorithm() {
			return fault.Errorf(fault.Invalid, "it is encrypted, which is not supported")
		}
		if err := checkFooter(meta, in.Size); err != nil {
			return err
		}
		meta, err = simplify(meta)
		return err
	})
	if err != nil {
		return nil, damaged(err, "%s: footer", in.Name)
	}
	meta.SetSourceFileSize(in.Size)
	return meta, nil
}

// footerBytes returns the serialized footer.
func footerBytes(ctx context.Context, in format.Input) ([]byte, error) {
	if in.Size < int64(len(magic))+endBytes {
		return nil, fault.Errorf(fault.Corrupt, "%s: %d bytes are too few for a Parquet file", in.Name, in.Size)
	}
	n := min(in.Size, tailBytes)
	tail, err := readRange(ctx, in, in.Size-n, n)
	if err != nil {
		return nil, err
	}
	switch string(tail[len(tail)-len(magic):]) {
	case magic:
	case encryptedMagic:
		return nil, fault.Errorf(fault.Invalid, "%s: it is encrypted, which is not supported", in.Name)
	default:
		head, err := readRange(ctx, in, 0, int64(len(magic)))
		if err != nil {
			return nil, err
		}
		if string(head) == magic {
			return nil, fault.Errorf(fault.Corrupt, "%s: the end of the file is missing", in.Name)
		}
		return nil, fault.Errorf(fault.Invalid, "%s: it is no Parquet file", in.Name)
	}
	size := int64(binary.LittleEndian.Uint32(tail[len(tail)-endBytes:]))
	if size == 0 || size > in.Size-endBytes-int64(len(magic)) {
		return nil, fault.Errorf(fault.Corrupt, "%s: a footer of %d bytes in a file of %d", in.Name, size, in.Size)
	}
	if size+endBytes <= n {
		return tail[n-endBytes-size : n-endBytes], nil
	}
	return readRange(ctx, in, in.Size-endBytes-size, size)
}

// readRange reads exactly n bytes from off.
func readRange(ctx context.Context, in format.Input, off, n int64) ([]byte, error) {
	b := make([]byte, n)
	if err := readInto(ctx, in, off, b); err != nil {
		return nil, err
	}
	return b, nil
}

func readInto(ctx context.Context, in format.Input, off int64, b []byte) error {
	body, err := in.Open(ctx, off, int64(len(b)))
	if err != nil {
		return fmt.Errorf("%s: %w", in.Name, err)
	}
	defer body.Close()
	n, err := io.ReadFull(body, b)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fault.Errorf(fault.Corrupt, "%s: it ends at byte %d of %d", in.Name, off+int64(n), in.Size)
	}
	if err != nil {
		return fmt.Errorf("%s: byte %d: %w", in.Name, off+int64(n), err)
	}
	return nil
}

// checkFooter compares what the footer declares with itself and with the size of the file.
func checkFooter(meta *metadata.FileMetaData, size int64) error {
	var rows int64
	leaves := meta.Schema.NumColumns()
	for i, rg := range meta.RowGroups {
		if rg.NumRows < 0 || rg.TotalByteSize < 0 || len(rg.Columns) != leaves {
			return fault.Errorf(fault.Corrupt, "row group %d: %d rows, %d columns of %d", i, rg.NumRows, len(rg.Columns), leaves)
		}
		rows += rg.NumRows
		for k, c := range rg.Columns {
			name := meta.Schema.Column(k).Path()
			switch m := c.MetaData; {
			case c.FilePath != nil:
				return fault.Errorf(fault.Invalid, "column %s: it is in another file, %q, which is not supported", name, *c.FilePath)
			case c.CryptoMetadata != nil:
				return fault.Errorf(fault.Invalid, "column %s: it is encrypted, which is not supported", name)
			case m == nil:
				return fault.Errorf(fault.Corrupt, "row group %d: column %s: nothing is said of it", i, name)
			case int32(m.Type) != int32(meta.Schema.Column(k).PhysicalType()):
				return fault.Errorf(fault.Corrupt, "row group %d: column %s: it has the type of another", i, name)
			case m.NumValues < 0 || m.TotalUncompressedSize < 0,
				m.NumValues < rg.NumRows, meta.Schema.Column(k).MaxRepetitionLevel() == 0 && m.NumValues != rg.NumRows:
				return fault.Errorf(fault.Corrupt, "row group %d: column %s: %d values for %d rows", i, name, m.NumValues, rg.NumRows)
			case rg.NumRows == 0: // has no pages, which pyarrow says are at 0
			default:
				begin := m.DataPageOffset
				if d := m.DictionaryPageOffset; d != nil && *d > 0 {
					begin = min(begin, *d)
				}
				if begin < int64(len(magic)) || m.TotalCompressedSize < 0 || m.TotalCompressedSize > size || begin > size-m.TotalCompressedSize {
					return fault.Errorf(fault.Corrupt, "row group %d: column %s: %d bytes from %d on are beyond the file", i, name, m.TotalCompressedSize, begin)
				}
				if codec := compress.Compression(m.Codec); codec != compress.Codecs.Uncompressed {
					if _, err := compress.GetCodec(codec); err != nil {
						return fault.Errorf(fault.Invalid, "column %s: compression %s is not supported", name, codec)
					}
				}
			}
		}
	}
	if rows != meta.NumRows {
		return fault.Errorf(fault.Corrupt, "the row groups have %d rows, the file %d", rows, meta.NumRows)
	}
	return nil
}

// simplify makes JSON and enumerations strings, and drops what other programs keep in footers: stored Arrow schemas would
// change types, and indexes and statistics are not used to read rows.
func simplify(meta *metadata.FileMetaData) (*metadata.FileMetaData, error) {
	for i, e := range meta.FileMetaData.Schema {
		if e.LogicalType != nil && (e.LogicalType.JSON != nil || e.LogicalType.ENUM != nil) {
			e.LogicalType = nil
			setZero(&e.ConvertedType) // UTF8
		}
		if c := e.ConvertedType; c != nil && e.LogicalType == nil && (*c == convertedEnum || *c == convertedJSON) {
			setZero(&e.ConvertedType)
		}
		if i > 0 && e.Name == "" && e.NumChildren == nil && e.Type == nil {
			return nil, fault.Errorf(fault.Corrupt, "element %d of the schema is nothing", i)
		}
	}
	meta.FileMetaData.KeyValueMetadata = nil
	for _, rg := range meta.RowGroups {
		for _, c := range rg.Columns {
			c.ColumnIndexOffset, c.ColumnIndexLength, c.OffsetIndexOffset, c.OffsetIndexLength = nil, nil, nil, nil
			c.MetaData.Statistics, c.MetaData.KeyValueMetadata = nil, nil
			c.MetaData.BloomFilterOffset, c.MetaData.BloomFilterLength = nil, nil
		}
	}
	b, err := meta.Serialize(context.Background())
	if err != nil {
		return nil, err
	}
	return metadata.NewFileMetaData(b, nil)
}

// Numbers of ConvertedType in the Parquet specification.
const (
	convertedEnum = 4
	convertedJSON = 19
)

func setZero[T any](p **T) { *p = new(T) }

// guard calls do and makes an error of a panic: damaged files make the libraries panic.
func guard(do func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fault.Errorf(fault.Corrupt, "%v", r)
		}
	}()
	return do()
}

// damaged says where err happened. What has no kind of its own is damage.
func damaged(err error, format string, args ...any) error {
	kind := fault.KindOf(err)
	if kind == fault.Internal {
		kind = fault.Corrupt
	}
	return fault.Errorf(kind, "%s: %w", fmt.Sprintf(format, args...), err)
}
