package setting

import (
	"testing"
	"time"
)

func TestSizesAreReadAsWritten(t *testing.T) {
	for text, want := range map[string]Bytes{
		"0": 0, "4096": 4096, "1_000": 1000, "64k": 64e3, "64K": 64e3, "64kB": 64e3, "64KB": 64e3, "64Ki": 64 << 10, "128MiB": 128 << 20,
		"128mib": 128 << 20, "128 MiB": 128 << 20, "1GB": 1e9, "1.5GiB": 3 << 29, "0.5k": 500, "7B": 7, "2TiB": 2 << 40, "8191PiB": 8191 << 50,
	} {
		if got, err := ParseBytes(text); err != nil || got != want {
			t.Errorf("%q = %d, %v; want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"", "k", "MiB", "12XB", "-1", "+1", "1e3", "1__0", "_1", "1_", "1.5", "8192PiB", "1 2", "0x10", "1.2.3k", ".", "1MiBs", "½k"} {
		if got, err := ParseBytes(text); err == nil {
			t.Errorf("%q = %d", text, got)
		}
	}
}

func TestSizesAreWrittenExactly(t *testing.T) {
	for n, want := range map[Bytes]string{
		0: "0", 1: "1", 1000: "1kB", 1024: "1KiB", 4096: "4KiB", 128 << 20: "128MiB", 1e9: "1GB", 1e9 + 1: "1000000001", -5: "-5",
		3 << 29: "1536MiB", 1 << 62: "4096PiB",
	} {
		if got := n.String(); got != want {
			t.Errorf("%d = %q, want %q", int64(n), got, want)
		}
	}
}

func FuzzSizesComeBack(f *testing.F) {
	f.Add(int64(0))
	f.Add(int64(128 << 20))
	f.Add(int64(1<<63 - 1))
	f.Fuzz(func(t *testing.T, n int64) {
		if n < 0 {
			return
		}
		if got, err := ParseBytes(Bytes(n).String()); err != nil || got != Bytes(n) {
			t.Errorf("%d is written as %q and read as %d, %v", n, Bytes(n), got, err)
		}
	})
}

func FuzzSizesOfAnyTextDoNotPanic(f *testing.F) {
	f.Add("128MiB")
	f.Add("9_9.9e9k")
	f.Fuzz(func(t *testing.T, text string) {
		if n, err := ParseBytes(text); err == nil && n < 0 {
			t.Errorf("%q = %d", text, n)
		}
		if d, err := ParseDuration(text); err == nil && d < 0 {
			t.Errorf("%q = %v", text, d)
		}
	})
}

func TestDurationsAreReadAsWritten(t *testing.T) {
	const day = 24 * time.Hour
	for text, want := range map[string]time.Duration{
		"0": 0, "5s": 5 * time.Second, "1m30s": 90 * time.Second, "2h": 2 * time.Hour, "7d": 7 * day, "1d12h": 36 * time.Hour, "1.5h": 90 * time.Minute, "250ms": 250 * time.Millisecond,
	} {
		if got, err := ParseDuration(text); err != nil || got != want {
			t.Errorf("%q = %v, %v; want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "5", "d", "-5s", "+5s", "1d-5s", "-1d", "5 s", "5x", "1h1d", "1d1d", "110000d", "106751d24h", "9999999h", "1_0s"} {
		if got, err := ParseDuration(text); err == nil {
			t.Errorf("%q = %v", text, got)
		}
	}
}
