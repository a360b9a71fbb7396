package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gros-lake/gros/test/services"
)

// Files as pyarrow writes them, and what may become of them.
const foreignParquet = `
import sys, pyarrow as pa, pyarrow.parquet as pq
place = sys.argv[1] + "/"
n = 20000
t = pa.table({"id": list(range(n)), "s": [f"v{i % 977}" for i in range(n)]})
pq.write_table(t, place + "good.parquet", row_group_size=5000)
b = open(place + "good.parquet", "rb").read()
def damaged(name, at, with_):
    x = bytearray(b); at %= len(x); x[at:at + len(with_)] = with_
    open(place + name + ".parquet", "wb").write(x)
def file(name, content):
    open(place + name + ".parquet", "wb").write(content)
file("truncated", b[:-100]); file("half", b[:len(b) // 2]); file("empty", b""); file("text", b"this is no Parquet file\n" * 9)
file("magic", b"PAR1" + b"\0" * 8 + b"PAR1"); file("tail", b + b"more")
damaged("page", 1000, b"\xff" * 100); damaged("length", -8, b"\xff\xff\xff\x7f"); damaged("negative", -8, b"\xff\xff\xff\xff")
damaged("encrypted", -4, b"PARE"); damaged("footer", -int.from_bytes(b[-8:-4], "little") - 8, b"\xff" * 60)
pq.write_table(t.slice(0, 0), place + "norows.parquet")
pq.write_table(pa.table({"id": [1]}).drop_columns(["id"]), place + "nocolumns.parquet")
pq.write_table(pa.table({"id": pa.array([1, 2]), "u64": pa.array([1, 2**64 - 1], pa.uint64()), "u8": pa.array([1, 255], pa.uint8()),
    "ns": pa.array([1_000, 2_000], pa.timestamp("ns")), "large": pa.array([["a"], None], pa.large_list(pa.large_string())),
    "m": pa.array([[("a", 1)], None], pa.map_(pa.string(), pa.int64())), "fixed": pa.array([b"abc", b"def"], pa.binary(3)), "nothing": pa.nulls(2)}),
    place + "odd.parquet")
`

func TestParquetOfOthersIsReadOrNamed(t *testing.T) {
	dir := t.TempDir()
	services.Script(t, services.Python(t), foreignParquet, dir)
	for _, c := range []struct {
		name string
		code int
		says string
		rows int64
	}{
		{"good", 0, "", 20_000},
		{"norows", 0, "", 0},
		{"odd", 0, "", 2},
		{"truncated", 7, "the end of the file is missing", 0},
		{"tail", 7, "the end of the file is missing", 0},
		{"half", 7, "the end of the file is missing", 0},
		{"empty", 7, "too few", 0},
		{"text", 2, "no Parquet file", 0},
		{"magic", 7, "footer", 0},
		{"page", 7, "row group 0", 0},
		{"length", 7, "footer", 0},
		{"negative", 7, "footer", 0},
		{"encrypted", 2, "encrypted", 0},
		{"footer", 7, "footer", 0},
		{"nowhere", 3, "no file", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			write(t, dir, c.name+".yaml", fmt.Sprintf("name: %s\nsource: {files: {path: %s.parquet}}\nsink: {files: {path: out-%s/}}\n", c.name, c.name, c.name))
			r := fed(t, dir, strings.NewReader(""), "run", c.name+".yaml").inside(t, 256<<20)
			if r.code != c.code || c.code != 0 && !strings.Contains(r.stderr, c.name+".parquet") || !strings.Contains(r.stderr, c.says) {
				t.Errorf("exit %d, want %d and %q: %s", r.code, c.code, c.says, r.stderr)
			}
			out := filepath.Join(dir, "out-"+c.name)
			if c.rows > 0 {
				answers(t, out, "select count(*), count(distinct id) from read_parquet(@)", fmt.Sprintf("[%d,%d]", c.rows, c.rows))
			} else if found, _ := filepath.Glob(filepath.Join(out, "*.parquet")); len(found) > 0 {
				t.Errorf("wrote %q", found)
			}
			if c.name == "odd" {
				answers(t, out, "select u64::varchar, u8, epoch_us(ns), large, m::varchar, fixed::varchar from read_parquet(@) order by id",
					`["1",1,1,["a"],"{a=1}","abc"]`, `["18446744073709551615",255,2,null,null,"def"]`)
			}
		})
	}
}

// Whatever bytes of a file are hit: an error with its name, or the rows, never a crash or a hang.
func TestAnyByteOfParquetMayBeDamaged(t *testing.T) {
	dir := t.TempDir()
	services.Script(t, services.Python(t), foreignParquet, dir)
	good := contents(t, filepath.Join(dir, "odd.parquet"))
	step := max(len(good)/8, 1)
	if soak {
		step = 7
	}
	for at := 5; at < len(good); at += step {
		bad := []byte(good)
		bad[at] ^= 0xff
		name := fmt.Sprintf("bad%d", at)
		write(t, dir, name+".parquet", string(bad))
		write(t, dir, name+".yaml", fmt.Sprintf("name: %s\nsource: {files: {path: %s.parquet}}\nsink: {blackhole: {}}\n", name, name))
		r := fed(t, dir, strings.NewReader(""), "run", name+".yaml")
		if r.code != 0 && r.code != 2 && r.code != 7 || r.code != 0 && !strings.Contains(r.stderr, name+".parquet") {
			t.Errorf("byte %d: exit %d: %s", at, r.code, r.stderr)
		}
		for _, suffix := range []string{".parquet", ".yaml"} {
			if err := os.Remove(filepath.Join(dir, name+suffix)); err != nil {
				t.Fatal(err)
			}
		}
	}
}
