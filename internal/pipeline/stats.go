package pipeline

import (
	"sync/atomic"
	"time"
)

// Stats is the progress of a running pipeline, over all its sinks. It is safe for concurrent use.
type Stats struct {
	Read, Bytes, Written, Rejected, Filtered, Files, Commits atomic.Int64

	begin     atomic.Int64 // Unix nanoseconds
	eventTime atomic.Int64 // newest, Unix nanoseconds
}

func (s *Stats) start() { s.begin.Store(time.Now().UnixNano()) }

// Elapsed is how long the pipeline has run.
func (s *Stats) Elapsed() time.Duration { return time.Duration(time.Now().UnixNano() - s.begin.Load()) }

// EventTime is the newest that was read; zero when rows have none.
func (s *Stats) EventTime() time.Time {
	if n := s.eventTime.Load(); n != 0 {
		return time.Unix(0, n).UTC()
	}
	return time.Time{}
}
