package files

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/gros-lake/gros/connector"
	"github.com/gros-lake/gros/fault"
	"github.com/gros-lake/gros/format"
	"github.com/gros-lake/gros/internal/chunk"
	"github.com/gros-lake/gros/setting"
)

// SinkConfig is the settings of the sink.
type SinkConfig struct {
	Path        string   `setting:"path,required" doc:"out/ for chunks out/part_<id>.parquet, data/events.jsonl.gz for data/events_<id>.jsonl.gz; {column} in a folder's name is the row's" example:"out/"`
	Format      string   `setting:"format" doc:"of the files, where the path's suffix does not tell; without both, parquet" example:"json"`
	PartitionBy []string `setting:"partition_by" doc:"columns or expressions whose values make Hive folders: page, year(ts), bucket(16, id), name=expression" example:"[year(ts), month(ts), page]"`
	Keep        bool     `setting:"keep_partition_columns" doc:"columns whose value stands in a folder's name stay in the files" default:"false"`
	Compression string   `setting:"compression" doc:"parquet: zstd, snappy, none; text: none, gzip, zstd, or by the path's suffix" example:"snappy"`
	Level       int      `setting:"compression_level" doc:"0 = the usual one, zstd 1" default:"0"`
	Roll        Roll     `setting:"roll" doc:"when a file is full; a commit ends every file"`
}

// Roll is when a file is full.
type Roll struct {
	Rows  int64         `setting:"rows" doc:"at so many rows, 0 = any" default:"0" example:"1_000_000"`
	Size  setting.Bytes `setting:"size" doc:"at this size of the file" default:"128MiB"`
	Every time.Duration `setting:"every" doc:"at this age, 0 = any" default:"0s" example:"5s"`
	Idle  time.Duration `setting:"idle" doc:"when no row came for so long, 0 = any" default:"0s" example:"1m"`
}

// Check reports settings that make no sense.
func (c SinkConfig) Check() error {
	var errs []error
	_, err := chunk.ParsePath(c.Path)
	errs = append(errs, err)
	_, err = chunk.ParsePartitionBy(c.PartitionBy)
	errs = append(errs, err)
	if c.Roll.Rows < 0 || c.Roll.Size < 0 || c.Roll.Every < 0 || c.Roll.Idle < 0 {
		errs = append(errs, fault.New(fault.Invalid, "roll: a limit is negative"))
	}
	return errors.Join(errs...)
}

func openSink(ctx context.Context, env connector.Env, c *SinkConfig) (connector.Sink, error) {
	return NewSink(ctx, env, *c)
}

// NewSink opens the sink. With an empty env.Pipeline it takes rows without positions, and any number of processes may
// write one place at once.
func NewSink(ctx context.Context, env connector.Env, c SinkConfig) (*chunk.Sink, error) {
	place, err := chunk.ParsePath(c.Path)
	if err != nil {
		return nil, err
	}
	by, err := chunk.ParsePartitionBy(c.PartitionBy)
	if err != nil {
		return nil, err
	}
	encoder, err := encoderOf(env.Formats, place.Suffix, c)
	if err != nil {
		return nil, err
	}
	folder := place.Folder
	if folder == "" {
		folder = "./"
	}
	b, base, err := env.Buckets(ctx, folder)
	if err != nil {
		return nil, err
	}
	columns := chunk.DropColumns
	if c.Keep {
		columns = chunk.KeepColumns
	}
	return chunk.New(chunk.Options{
		Bucket: b, Base: base, Stem: place.Stem, Encoder: encoder,
		Partition: chunk.NewPartitioner(place.Below, by, columns),
		Contract:  env.Contract, Declared: env.Schema,
		Roll:   chunk.Roll{Rows: c.Roll.Rows, Size: int64(c.Roll.Size), Every: c.Roll.Every, Idle: c.Roll.Idle},
		Memory: env.Memory, Pipeline: env.Pipeline, Log: env.Log,
	}), nil
}

// encoderOf makes the encoder that a path's suffix and the settings ask for.
func encoderOf(formats format.Registry, suffix string, c SinkConfig) (format.Encoder, error) {
	o := format.EncodeOptions{Compression: c.Compression, Level: c.Level}
	spec, compression, known := formats.ByName("x" + suffix)
	switch {
	case c.Format != "":
		var err error
		if spec, err = formats.Lookup(c.Format); err != nil {
			return nil, err
		}
	case suffix == "":
		var err error
		if spec, err = formats.Lookup("parquet"); err != nil {
			return nil, err
		}
	case !known:
		var all []string
		for _, s := range formats {
			all = append(all, s.Suffixes...)
		}
		err := fault.Errorf(fault.Invalid, "path %s: %s is the suffix of no format", c.Path, suffix)
		return nil, fault.Hint(err, "suffixes are %s; or end the path with a slash and say format", strings.Join(all, " "))
	}
	if spec.Encoder == nil {
		return nil, fault.Errorf(fault.Invalid, "format %s: cannot be written", spec.Name)
	}
	if o.Compression == "" && spec.Text {
		o.Compression = compression
	}
	return spec.Encoder(o)
}
