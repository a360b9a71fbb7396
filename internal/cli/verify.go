package cli

import (
	"fmt"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/gros-lake/gros"
)

func (a *app) verifyCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "verify PLACE",
		Short: "Read everything again and compare it with the log",
		Long: `Read everything again and compare it with the log: each file is there, has its rows and its checksum, and nothing is
there that no commit lists. Files that are not named as gros names its own are left alone. What a crash left to be
completed is pending, and no damage: the next start of a pipeline or egress completes it.`,
		Example: `  gros verify out/
  gros verify out/events.parquet --json`,
		Args: exactly(1, "name the folder: gros verify out/"),
		RunE: func(c *cobra.Command, args []string) error {
			v, err := gros.Look(c.Context(), args[0], gros.LookOptions{Log: a.log})
			if err != nil {
				return err
			}
			tell, clear := a.byteProgress("verify")
			found, err := v.Verify(c.Context(), gros.VerifyOptions{Progress: tell})
			clear()
			if err != nil {
				return err
			}
			if a.json {
				err = a.printJSON(found)
			} else {
				err = a.printVerification(found)
			}
			if err != nil {
				return err
			}
			return found.Err()
		},
	}
}

func (a *app) printVerification(f *gros.Verification) error {
	for _, list := range []struct {
		name     string
		findings []gros.Finding
	}{{"missing", f.Missing}, {"unlisted", f.Unlisted}, {"damaged", f.Damaged}, {"pending", f.Pending}} {
		for _, x := range list.findings {
			commit := ""
			if x.Seq > 0 {
				commit = fmt.Sprintf(" (commit %d)", x.Seq)
			}
			if _, err := fmt.Fprintf(a.stdout, "%-8s  %s%s: %s\n", list.name, visible(x.Key), commit, visible(x.Reason)); err != nil {
				return err
			}
		}
	}
	verdict := "ok"
	if !f.OK {
		verdict = "not ok"
	}
	text := fmt.Sprintf("%s: %s in %s", verdict, counted(f.Rows, "row"), counted(f.Files, "file"))
	if f.RejectFiles > 0 {
		text += fmt.Sprintf(" and %s in %s", counted(f.Rejects, "reject"), counted(f.RejectFiles, "file"))
	}
	text += ", " + byteSize(f.Bytes) + " read again"
	if n := len(f.Pending); n > 0 {
		text += ", " + counted(int64(n), "file") + " pending"
	}
	_, err := fmt.Fprintln(a.stdout, text)
	return err
}

// byteProgress shows on a terminal how far reading came.
func (a *app) byteProgress(what string) (tell func(done, total int64), clear func()) {
	if !a.terminal() {
		return nil, func() {}
	}
	var mu sync.Mutex
	var last time.Time
	tell = func(done, total int64) {
		mu.Lock()
		defer mu.Unlock()
		if now := time.Now(); now.Sub(last) > 200*time.Millisecond && total > 0 {
			last = now
			fmt.Fprintf(a.stderr, "\x1b[2K%s: %s of %s (%d %%)\r", what, byteSize(done), byteSize(total), min(100, 100*done/total))
		}
	}
	return tell, func() { fmt.Fprint(a.stderr, "\x1b[2K\r") }
}
