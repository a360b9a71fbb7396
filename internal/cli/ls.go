package cli

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gros-lake/gros"
)

func (a *app) lsCommand() *cobra.Command {
	var files bool
	var depth int
	c := &cobra.Command{
		Use:   "ls [PLACE]",
		Short: "List the files of a place, with rows and sizes",
		Long: `List the files of a place, with rows and sizes.

Of a folder that gros wrote, what its log says is shown: folders with their rows, and no file that is not committed. Of
other places, the files themselves: rows of Parquet files as their footers say.`,
		Example: `  gros ls out/
  gros ls 'in/**/*.parquet' --json`,
		Args: atMost(1, "name one place: gros ls out/"),
		RunE: func(c *cobra.Command, args []string) error {
			place := "./"
			if len(args) == 1 {
				place = args[0]
			}
			v, err := gros.Look(c.Context(), place, gros.LookOptions{Log: a.log})
			if err != nil {
				return err
			}
			l, err := v.List(c.Context())
			if err != nil {
				return err
			}
			if a.json {
				return a.printJSON(l)
			}
			return a.printListing(v, l, files, depth)
		},
	}
	c.Flags().BoolVarP(&files, "files", "l", false, "show each file, not only its folder")
	c.Flags().IntVar(&depth, "depth", 0, "show so many `levels` of folders, 0 = all")
	return c
}

// branch is a folder or a file of the tree that ls prints.
type branch struct {
	name   string
	file   bool
	files  int64
	rows   int64
	exact  bool // rows is known of all files
	bytes  int64
	below  []*branch
	lookup map[string]*branch
}

func newBranch(name string) *branch {
	return &branch{name: name, exact: true, lookup: map[string]*branch{}}
}

// add adds a file to b and the branches below it; leaves says that the last of parts is the file itself.
func (b *branch) add(parts []string, leaves bool, e gros.Entry) {
	b.files++
	b.bytes += e.Bytes
	if e.Rows == nil {
		b.exact = false
	} else {
		b.rows += *e.Rows
	}
	if len(parts) == 0 {
		return
	}
	next := b.lookup[parts[0]]
	if next == nil {
		next = newBranch(parts[0])
		if next.file = leaves && len(parts) == 1; !next.file {
			next.name += "/"
		}
		b.lookup[parts[0]] = next
		b.below = append(b.below, next)
	}
	next.add(parts[1:], leaves, e)
}

// join makes one line of folders that hold nothing but one folder.
func (b *branch) join() {
	for len(b.below) == 1 && !b.below[0].file && !b.file && b.name != "" {
		b.name, b.below = b.name+b.below[0].name, b.below[0].below
	}
	slices.SortFunc(b.below, func(x, y *branch) int { return compareNatural(x.name, y.name) })
	for _, c := range b.below {
		c.join()
	}
}

func (a *app) printListing(v *gros.View, l *gros.Listing, files bool, depth int) error {
	files = files || len(l.Stems) == 0
	tree := newBranch("")
	for _, f := range l.Files {
		parts := strings.Split(f.Key[len(v.Base()):], "/")
		if !files {
			parts = parts[:len(parts)-1]
		}
		tree.add(parts, files, f)
	}
	for _, c := range tree.below {
		c.join()
	}
	slices.SortFunc(tree.below, func(x, y *branch) int { return compareNatural(x.name, y.name) })
	tree.name = rootName(v, l)
	if len(l.Files) == 1 && len(l.Stems) == 0 && v.Name(l.Files[0].Key) == path.Clean(l.Place) { // the place is this file
		tree.name, tree.file, tree.below = l.Place, true, nil
	}
	var lines [][4]string
	flatten(&lines, tree, "", "", depth)
	if err := a.printTree(lines); err != nil {
		return err
	}
	return a.printRest(l)
}

func rootName(v *gros.View, l *gros.Listing) string {
	name := v.Name(v.Base())
	if name == "" {
		name = "./"
	}
	if len(l.Stems) > 1 {
		name += "{" + strings.Join(l.Stems, ",") + "}"
	} else if len(l.Stems) == 1 && !strings.HasSuffix(l.Place, "/") && path.Base(l.Place) != path.Base(name) {
		name += path.Base(l.Place)
	}
	return name
}

// flatten makes the lines of the tree: name, rows, files, size.
func flatten(lines *[][4]string, b *branch, lead, below string, depth int) {
	line := [4]string{lead + visible(b.name), "", "", byteSize(b.bytes)}
	if b.exact {
		line[1] = counted(b.rows, "row")
	}
	if !b.file {
		line[2] = counted(b.files, "file")
	}
	*lines = append(*lines, line)
	if depth == 1 && lead != "" {
		return
	}
	if lead != "" {
		depth--
	}
	for i, c := range b.below {
		if i == len(b.below)-1 {
			flatten(lines, c, below+"└── ", below+"    ", depth)
		} else {
			flatten(lines, c, below+"├── ", below+"│   ", depth)
		}
	}
}

// printTree aligns the columns. Names are cut where the line would be too long for the terminal.
func (a *app) printTree(lines [][4]string) error {
	var widths [4]int
	for _, l := range lines {
		for i, text := range l {
			widths[i] = max(widths[i], cells(text))
		}
	}
	if w := a.columns(); w > 0 {
		widths[0] = min(widths[0], max(20, w-widths[1]-widths[2]-widths[3]-6))
	}
	var b strings.Builder
	for _, l := range lines {
		b.WriteString(pad(cutMiddle(l[0], widths[0]), widths[0]))
		for i, text := range l[1:] {
			if widths[i+1] > 0 {
				b.WriteString("  " + padLeft(text, widths[i+1]))
			}
		}
		b.WriteByte('\n')
	}
	_, err := fmt.Fprint(a.stdout, b.String())
	return err
}

// printRest says what the tree does not show.
func (a *app) printRest(l *gros.Listing) error {
	var rest []string
	if l.Pending > 0 {
		rest = append(rest, counted(l.Pending, "file")+" recorded and not visible yet: the next start completes that")
	}
	switch {
	case l.Others > 0 && len(l.Stems) > 0:
		rest = append(rest, counted(l.Others, "file")+" that no commit lists, left alone")
	case l.Others > 0:
		rest = append(rest, counted(l.Others, "file")+" of other formats")
	}
	for _, text := range rest {
		if _, err := fmt.Fprintf(a.stdout, "and %s\n", text); err != nil {
			return err
		}
	}
	return nil
}

// compareNatural orders names, numbers in them by value: day=2 before day=10.
func compareNatural(x, y string) int {
	for x != "" && y != "" {
		nx, ny := leadingDigits(x), leadingDigits(y)
		if nx == "" || ny == "" {
			if x[0] != y[0] {
				return int(x[0]) - int(y[0])
			}
			x, y = x[1:], y[1:]
			continue
		}
		x, y = x[len(nx):], y[len(ny):]
		nx, ny = strings.TrimLeft(nx, "0"), strings.TrimLeft(ny, "0")
		if len(nx) != len(ny) {
			return len(nx) - len(ny)
		}
		if c := strings.Compare(nx, ny); c != 0 {
			return c
		}
	}
	return len(x) - len(y)
}

func leadingDigits(s string) string {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return s[:i]
		}
	}
	return s
}
