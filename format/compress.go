package format

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"sync"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/gros-lake/gros/fault"
)

// Names of the compressions of text files.
const (
	Gzip = "gzip"
	Zstd = "zstd"
)

// Compressor compresses runs of rows, each on its own: as one gzip member or one zstd frame, so that files are runs put
// one after the other. It is safe for concurrent use.
type Compressor struct {
	codec string
	zstd  *zstd.Encoder
	gzip  sync.Pool // of *gzip.Writer
}

// NewCompressor returns the compressor of a codec, "" for none. Level 0 is the codec's default: 1 for zstd, 6 for gzip.
func NewCompressor(codec string, level int) (*Compressor, error) {
	c := &Compressor{codec: codec}
	switch codec {
	case "", "none":
		c.codec = ""
	case Gzip:
		if level == 0 {
			level = gzip.DefaultCompression
		} else if level < gzip.BestSpeed || level > gzip.BestCompression {
			return nil, fault.Errorf(fault.Invalid, "compression gzip: level %d: levels are 1 to 9", level)
		}
		c.gzip.New = func() any {
			w, err := gzip.NewWriterLevel(io.Discard, level)
			if err != nil {
				return err
			}
			return w
		}
	case Zstd:
		if level == 0 {
			level = 1
		} else if level < 1 || level > 22 {
			return nil, fault.Errorf(fault.Invalid, "compression zstd: level %d: levels are 1 to 22", level)
		}
		var err error
		if c.zstd, err = zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.EncoderLevelFromZstd(level))); err != nil {
			return nil, fault.Errorf(fault.Invalid, "compression zstd: %w", err)
		}
	default:
		err := fault.Errorf(fault.Invalid, "compression %q: there is none of this name for text", codec)
		return nil, fault.Hint(err, "compressions of text files are gzip and zstd")
	}
	return c, nil
}

// Suffix is what the compression adds to a file's name: "", ".gz", ".zst".
func (c *Compressor) Suffix() string {
	switch c.codec {
	case Gzip:
		return ".gz"
	case Zstd:
		return ".zst"
	}
	return ""
}

// Compress returns src compressed; src itself where there is no compression, and nothing for nothing.
func (c *Compressor) Compress(src []byte) ([]byte, error) {
	if len(src) == 0 || c.codec == "" {
		return src, nil
	}
	if c.codec == Zstd {
		return c.zstd.EncodeAll(src, make([]byte, 0, len(src)/4+512)), nil
	}
	got := c.gzip.Get()
	w, ok := got.(*gzip.Writer)
	if !ok {
		return nil, got.(error)
	}
	out := bytes.NewBuffer(make([]byte, 0, len(src)/4+512))
	w.Reset(out)
	if _, err := w.Write(src); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	c.gzip.Put(w)
	return out.Bytes(), nil
}

var (
	gzipMagic = []byte{0x1f, 0x8b}
	zstdMagic = []byte{0x28, 0xb5, 0x2f, 0xfd}
)

// sniffCodec tells from the first bytes of a file how it is compressed; sure is false when more bytes could change that.
func sniffCodec(head []byte) (codec string, sure bool) {
	switch {
	case bytes.HasPrefix(head, gzipMagic):
		return Gzip, true
	case bytes.HasPrefix(head, zstdMagic):
		return Zstd, true
	}
	return "", !bytes.HasPrefix(gzipMagic, head) && !bytes.HasPrefix(zstdMagic, head)
}

// codecOfName tells by its suffix how a file should be compressed.
func codecOfName(name string) string {
	name = strings.ToLower(name)
	switch {
	case strings.HasSuffix(name, ".gz"):
		return Gzip
	case strings.HasSuffix(name, ".zst"):
		return Zstd
	}
	return ""
}

// The decompressors that wait for the next file.
var gzipReaders, zstdReaders sync.Pool

// maxWindow bounds what a zstd file may make us allocate: the window of `zstd --long`.
const maxWindow = 128 << 20

// decompressor turns a compressed stream of any number of members into bytes.
type decompressor struct {
	name  string
	codec string
	src   *counted
	gzip  *gzip.Reader
	zstd  *zstd.Decoder
}

func newDecompressor(name, codec string, src io.Reader) (*decompressor, error) {
	d := &decompressor{name: name, codec: codec, src: &counted{r: src}}
	var err error
	if codec == Gzip {
		if d.gzip, _ = gzipReaders.Get().(*gzip.Reader); d.gzip == nil {
			d.gzip = new(gzip.Reader)
		}
		err = d.gzip.Reset(d.src)
	} else {
		if d.zstd, _ = zstdReaders.Get().(*zstd.Decoder); d.zstd == nil {
			// One decoder a file: with more it would start goroutines and read ahead of a slow stream.
			d.zstd, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow), zstd.WithDecoderLowmem(true))
		}
		if err == nil {
			err = d.zstd.Reset(d.src)
		}
	}
	if err != nil {
		return nil, d.fail(err)
	}
	return d, nil
}

func (d *decompressor) Read(p []byte) (n int, err error) {
	if d.gzip != nil {
		n, err = d.gzip.Read(p)
	} else {
		n, err = d.zstd.Read(p)
	}
	if err != nil && err != io.EOF {
		err = d.fail(err)
	}
	return n, err
}

// fail says whether the stream is damaged or its reader has failed.
func (d *decompressor) fail(err error) error {
	if d.src.err != nil && d.src.err != io.EOF {
		return d.src.err
	}
	if errors.Is(err, io.ErrUnexpectedEOF) || err == io.EOF {
		return fault.Errorf(fault.Corrupt, "byte %d: %s data ends too early", d.src.n, d.codec)
	}
	return fault.Errorf(fault.Corrupt, "before byte %d: damaged %s data: %w", d.src.n, d.codec, err)
}

// release gives the decoder back, once; d is not to be read again.
func (d *decompressor) release() {
	if d.gzip != nil {
		gzipReaders.Put(d.gzip)
	} else if d.zstd != nil && d.zstd.Reset(nil) == nil {
		zstdReaders.Put(d.zstd)
	}
	d.gzip, d.zstd = nil, nil
}

// counted counts what was read and keeps the error that ended it.
type counted struct {
	r   io.Reader
	n   int64
	err error
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	if err != nil {
		c.err = err
	}
	return n, err
}
