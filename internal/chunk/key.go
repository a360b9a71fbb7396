package chunk

import (
	"math"
	"strconv"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
)

// key numbers the values of one expression that folders are named by.
type key struct {
	name   string // of the Hive folder, "" for a stretch of a path
	values []value
	null   int32 // code+1 of null, 0 while it has none
	dt     arrow.DataType

	texts    map[string]int32
	numbers  map[uint64]int32
	decimals map[decimal128.Num]int32

	dictionary arrow.ArrayData // of the last batch
	stamps     []int32         // code+1 of its values
}

// value is what a distinct value looks like in a path, or why it cannot.
type value struct{ text, why string }

// encode writes the code of each value of col.
func (k *key) encode(col arrow.Array, codes []int32) {
	if k.dt == nil || !arrow.TypeEqual(k.dt, plain(col.DataType())) { // codes of values go by their bits, which mean another thing now
		k.dt = plain(col.DataType())
		k.texts, k.numbers, k.decimals, k.dictionary = map[string]int32{}, map[uint64]int32{}, map[decimal128.Num]int32{}, nil
	}
	switch a := col.(type) {
	case *array.Dictionary:
		if texts, ok := a.Dictionary().(*array.String); ok {
			k.encodeDictionary(a, texts, codes)
			return
		}
	case *array.String:
		k.encodeTexts(a, codes)
		return
	case *array.Int64:
		encodeNumbers(k, a, codes, func(v int64) uint64 { return uint64(v) })
		return
	case *array.Int32:
		encodeNumbers(k, a, codes, func(v int32) uint64 { return uint64(v) })
		return
	case *array.Int16:
		encodeNumbers(k, a, codes, func(v int16) uint64 { return uint64(v) })
		return
	case *array.Int8:
		encodeNumbers(k, a, codes, func(v int8) uint64 { return uint64(v) })
		return
	case *array.Timestamp:
		encodeNumbers(k, a, codes, func(v arrow.Timestamp) uint64 { return uint64(v) })
		return
	case *array.Date32:
		encodeNumbers(k, a, codes, func(v arrow.Date32) uint64 { return uint64(v) })
		return
	case *array.Time64:
		encodeNumbers(k, a, codes, func(v arrow.Time64) uint64 { return uint64(v) })
		return
	case *array.Float64:
		encodeNumbers(k, a, codes, math.Float64bits)
		return
	case *array.Float32:
		encodeNumbers(k, a, codes, func(v float32) uint64 { return uint64(math.Float32bits(v)) })
		return
	case *array.Boolean:
		encodeNumbers(k, a, codes, func(v bool) uint64 {
			if v {
				return 1
			}
			return 0
		})
		return
	case *array.Decimal128:
		k.encodeDecimals(a, codes)
		return
	}
	k.encodeOthers(col, codes)
}

func plain(dt arrow.DataType) arrow.DataType {
	if d, ok := dt.(*arrow.DictionaryType); ok {
		return d.ValueType
	}
	return dt
}

// encodeOthers gives every value the code of its kind: none of them can stand in a path.
func (k *key) encodeOthers(col arrow.Array, codes []int32) {
	why := int32(-1)
	for i := range codes {
		switch {
		case col.DataType().ID() == arrow.NULL || col.IsNull(i):
			codes[i] = k.nullCode()
		case why < 0:
			why = k.add(col, i)
			fallthrough
		default:
			codes[i] = why
		}
	}
}

func encodeNumbers[T comparable](k *key, a interface {
	arrow.Array
	Value(int) T
}, codes []int32, bits func(T) uint64) {
	nulls := a.NullN() > 0
	last, code := uint64(0), int32(-1)
	for i := range codes {
		if nulls && a.IsNull(i) {
			codes[i] = k.nullCode()
			continue
		}
		v := bits(a.Value(i))
		if v != last || code < 0 {
			var ok bool
			if code, ok = k.numbers[v]; !ok {
				code = k.add(a, i)
				k.numbers[v] = code
			}
			last = v
		}
		codes[i] = code
	}
}

func (k *key) encodeDecimals(a *array.Decimal128, codes []int32) {
	for i := range codes {
		if a.IsNull(i) {
			codes[i] = k.nullCode()
			continue
		}
		code, ok := k.decimals[a.Value(i)]
		if !ok {
			code = k.add(a, i)
			k.decimals[a.Value(i)] = code
		}
		codes[i] = code
	}
}

func (k *key) encodeTexts(a *array.String, codes []int32) {
	nulls := a.NullN() > 0
	last, code := "", int32(-1)
	for i := range codes {
		if nulls && a.IsNull(i) {
			codes[i] = k.nullCode()
			continue
		}
		if v := a.Value(i); v != last || code < 0 {
			code, last = k.textCode(a, i, v), v
		}
		codes[i] = code
	}
}

func (k *key) textCode(a arrow.Array, i int, v string) int32 {
	if v == "" && k.name != "" {
		return k.nullCode()
	}
	code, ok := k.texts[v]
	if !ok {
		code = k.add(a, i)
		k.texts[strings.Clone(v)] = code // the batch's memory is not to be kept
	}
	return code
}

func (k *key) encodeDictionary(a *array.Dictionary, texts *array.String, codes []int32) {
	if texts.Data() != k.dictionary {
		k.dictionary = texts.Data()
		if cap(k.stamps) < texts.Len() {
			k.stamps = make([]int32, texts.Len())
		}
		k.stamps = k.stamps[:texts.Len()]
		clear(k.stamps)
	}
	nulls := a.NullN() > 0
	for i := range codes {
		if nulls && a.IsNull(i) {
			codes[i] = k.nullCode()
			continue
		}
		at := a.GetValueIndex(i)
		if k.stamps[at] == 0 {
			if texts.IsNull(at) {
				k.stamps[at] = k.nullCode() + 1
			} else {
				k.stamps[at] = k.textCode(texts, at, texts.Value(at)) + 1
			}
		}
		codes[i] = k.stamps[at] - 1
	}
}

func (k *key) nullCode() int32 {
	if k.null == 0 {
		v := value{text: Escape(k.name) + "=" + nullValue}
		if k.name == "" {
			v = value{why: "a null cannot stand in a path"}
		}
		k.values = append(k.values, v)
		k.null = int32(len(k.values))
	}
	return k.null - 1
}

// add numbers value i of col, which has no code yet.
func (k *key) add(col arrow.Array, i int) int32 {
	text, why := renderValue(nil, col, i)
	var v value
	switch {
	case why != "":
		v.why = why
	case k.name == "" && (len(text) == 0 || text[0] == '.' || text[0] == '_'):
		v.why = strconv.Quote(string(text)) + " cannot stand in a path: engines take names that begin with a point or an underscore for hidden"
	case k.name == "":
		v.text = Escape(string(text))
	default:
		v.text = Escape(k.name) + "=" + Escape(string(text))
	}
	if len(v.text) > maxSegment {
		v = value{why: "the value is too long for a path"}
	}
	k.values = append(k.values, v)
	return int32(len(k.values) - 1)
}
