package cli

import (
	"fmt"
	"math"
	"sync"
	"time"

	"github.com/gros-lake/gros"
)

// progress shows how a pipeline goes: a line that renews itself on a terminal, a log line now and then elsewhere. The
// function returned ends it with a last one.
func (a *app) progress(name string, s *gros.Stats) (stop func()) {
	every := 10 * time.Second
	if a.terminal() {
		every = 200 * time.Millisecond
	}
	begin := time.Now()
	done, ended := make(chan struct{}), sync.WaitGroup{}
	ended.Add(1)
	go func() {
		defer ended.Done()
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				a.show(name, s, begin, false)
			case <-done:
				a.show(name, s, begin, true)
				return
			}
		}
	}()
	return func() {
		close(done)
		ended.Wait()
	}
}

func (a *app) show(name string, s *gros.Stats, begin time.Time, last bool) {
	elapsed := time.Since(begin)
	rate := float64(s.Read.Load()) / elapsed.Seconds()
	mb := float64(s.Bytes.Load()) / 1e6 / elapsed.Seconds()
	if a.terminal() {
		end := "\r"
		if last {
			end = "\n"
		}
		line := fmt.Sprintf("%s: %d rows read (%.0f/s, %.1f MB/s), %d written in %d files", name, s.Read.Load(), rate, mb, s.Written.Load(), s.Files.Load())
		if r := s.Rejected.Load(); r > 0 {
			line += fmt.Sprintf(", %d rejected", r)
		}
		if t := s.EventTime(); !t.IsZero() {
			line += ", at " + t.Format(time.DateTime)
		}
		fmt.Fprintf(a.stderr, "\x1b[2K%s%s", line, end)
		return
	}
	message := "progress"
	if last {
		message = "ended"
	}
	a.log.Info(message, "pipeline", name, "read", s.Read.Load(), "rows_per_second", int64(rate), "mb_per_second", rounded(mb, 10),
		"written", s.Written.Load(), "files", s.Files.Load(), "rejected", s.Rejected.Load(), "filtered", s.Filtered.Load(),
		"commits", s.Commits.Load(), "seconds", rounded(elapsed.Seconds(), 1000))
}

// rounded is v in so many parts of one.
func rounded(v, parts float64) float64 { return math.Round(v*parts) / parts }
