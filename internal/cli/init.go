package cli

import (
	"embed"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/gros-lake/gros/fault"
)

//go:embed lake
var lakeFiles embed.FS

// newLake is the files of a new lake, by their path in it, and where they are embedded.
var newLake = [...][2]string{
	{"gros.yaml", "lake/gros.yaml"},
	{"pipelines/web-events.yaml", "lake/web-events.yaml"},
}

func (a *app) initCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "init [DIR]",
		Short: "Make a lake of a folder",
		Long:  "Make a lake of a folder: write gros.yaml and one pipeline that runs as it is. What is there already stays.",
		Example: `  gros init
  gros init mylake && cd mylake && gros run pipelines/web-events.yaml`,
		Args: atMost(1, "name one folder: gros init mylake"),
		RunE: func(_ *cobra.Command, args []string) error {
			dir := "."
			if len(args) == 1 {
				dir = args[0]
			}
			return a.initLake(dir)
		},
	}
}

func (a *app) initLake(dir string) error {
	for _, f := range newLake {
		path := filepath.Join(dir, f[0])
		if _, err := os.Lstat(path); err == nil {
			return fault.Hint(fault.Errorf(fault.Exists, "%s: is there already", path), "name another folder, or move it away")
		} else if !errors.Is(err, os.ErrNotExist) {
			return writeError(err)
		}
	}
	for _, f := range newLake {
		text, err := lakeFiles.ReadFile(f[1])
		if err != nil {
			return fault.As(fault.Internal, err)
		}
		path := filepath.Join(dir, f[0])
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return writeError(err)
		}
		if err := writeNew(path, text); err != nil {
			return writeError(err)
		}
		if _, err := fmt.Fprintln(a.stdout, path); err != nil {
			return err
		}
	}
	cd := ""
	if dir != "." {
		cd = "cd " + dir + " && "
	}
	fmt.Fprintf(a.stderr, "now: %sgros run pipelines/web-events.yaml\n", cd)
	return nil
}

// writeNew writes a file that is not there.
func writeNew(path string, text []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	return errors.Join(err, f.Close())
}
