package expr

import "testing"

// The vectors are those of Iceberg's spec, appendix B: 32-bit hash requirements, and of the truncate transform.
func TestBucketHashesAsIcebergSpecifies(t *testing.T) {
	const all = "2147483647" // a hash without its sign, but for the greatest
	for _, c := range []struct {
		x    string
		hash int32
	}{
		{"34", 2017239379}, {"34::bigint", 2017239379}, {"34::tinyint", 2017239379}, {"14.20", -500754589}, {"date '2017-11-16'", -653330422},
		{"cast('22:31:08' as time)", -662762989}, {"timestamp '2017-11-16 22:31:08'", -2047944441}, {"timestamp '2017-11-16 22:31:08.000001'", -1207196810},
		{"timestamptz '2017-11-16T14:31:08-08:00'", -2047944441}, {"timestamptz '2017-11-16T14:31:08.000001-08:00'", -1207196810}, {"'iceberg'", 1210000089},
	} {
		r := batch(t, [2]string{"i bigint", "[0]"})
		v := bind(t, "bucket("+all+", "+c.x+")", r.Schema()).root.value
		if got, want := v.ints[0], int64(uint32(c.hash)&0x7fffffff)%(1<<31-1); got != want {
			t.Errorf("bucket(%s) = %d, want %d", c.x, got, want)
		}
	}
	if got, want := int32(murmur3([]byte{0, 1, 2, 3})), int32(-188683207); got != want {
		t.Errorf("bytes hash to %d, want %d", got, want)
	}
	r := batch(t, [2]string{"s dictionary varchar", `["iceberg", null, "iceberg", "x", "", "abc", "abcd", "abcde"]`}, [2]string{"p varchar", `["iceberg", null, "iceberg", "x", "", "abc", "abcd", "abcde"]`})
	a, _ := evalJSON(t, "bucket(16, s)", r)
	b, _ := evalJSON(t, "bucket(16, p)", r)
	if a != b || a[:9] != "9 null 9 " {
		t.Errorf("buckets are %s and %s", a, b)
	}
}

func TestTruncateRoundsDownAsIcebergSpecifies(t *testing.T) {
	r := batch(t, [2]string{"i bigint", "[1, -1, 0, 10, -10, 19, -11, null]"}, [2]string{"d decimal(4,2)", `["10.65", "-10.65", "0.05", "-0.05", "0.00", "99.99", "-99.00", null]`},
		[2]string{"s varchar", `["iceberg", "日本語テキスト", "ic", "", "abcd", "éaéé", "abc", null]`})
	for text, want := range map[string]string{
		"truncate(10, i)":         "0 -10 0 10 -10 10 -20 null",
		"truncate(50, d)":         "10.50 -11.00 0.00 -0.50 0.00 99.50 -99.00 null",
		"truncate(3, s)":          `"ice" "日本語" "ic" "" "abc" "éaé" "abc" null`,
		"truncate(2, s::blob)":    `"aWM=" "5pc=" "aWM=" "" "YWI=" "w6k=" "YWI=" null`,
		"truncate(10, i::int)":    "0 -10 0 10 -10 10 -20 null",
		"truncate(10, null)":      "null null null null null null null null",
		"bucket(4, null) is null": "true true true true true true true true",
	} {
		if got, errs := evalJSON(t, text, r); got != want || len(errs) > 0 {
			t.Errorf("%s = %s %v, want %s", text, got, errs, want)
		}
	}
	r = batch(t, [2]string{"t tinyint", "[-128, 127]"})
	if got, errs := evalJSON(t, "truncate(10, t)", r); got != "null 120" || len(errs) != 1 {
		t.Errorf("truncate = %s %v", got, errs)
	}
}
