package generate

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/bitutil"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/gros-lake/gros/setting"
)

var (
	int64Type = arrow.PrimitiveTypes.Int64
	floatType = arrow.PrimitiveTypes.Float64
	boolType  = arrow.FixedWidthTypes.Boolean
	textType  = arrow.BinaryTypes.String
)

// fill makes one value per cell.
type fill = func(c cells, valid *memory.Buffer, nulls int) arrow.Array

// build reads the value v of how, which stands in the map n.
func (r *reader) build(how string, v, n *setting.Node) (column, error) {
	switch how {
	case sequenceKey:
		return sequence(v)
	case uuidKey:
		return column{typ: textType, make: func(c cells, valid *memory.Buffer, nulls int) arrow.Array {
			return textArray(len(c.keys), 36*len(c.keys), valid, nulls, func(dst []byte, i int) []byte {
				return appendUUID(dst, c.keys[i], at(c.keys[i], 0))
			})
		}}, nil
	case constantKey:
		if v.Kind != setting.Scalar {
			return column{}, v.Errorf("%s is no constant", v.Shown()).WithHint("write {constant: 5}")
		}
		return choice([]*setting.Node{v}, []float64{1}), nil
	case oneOfKey:
		return oneOfColumn(v)
	case boolKey:
		return boolColumn(v)
	case textKey:
		return textColumn(v)
	case everyKey:
		return r.every(v, n.Get(jitterKey))
	case structKey:
		return r.structColumn(v)
	case listKey:
		return r.listColumn(v)
	}
	return numberColumn(how, v, n.Get(decimalKey))
}

func sequence(v *setting.Node) (column, error) {
	first := int64(1)
	if v.Kind != setting.Null {
		if err := setting.Decode(v, &first); err != nil {
			return column{}, err
		}
	}
	return column{typ: int64Type, make: func(c cells, valid *memory.Buffer, nulls int) arrow.Array {
		values := make([]int64, len(c.rows))
		for i, row := range c.rows {
			values[i] = first + row
		}
		return fixedArray(int64Type, values, valid, nulls)
	}}, nil
}

// numberColumn reads a distribution of numbers.
func numberColumn(how string, v, decimal *setting.Node) (column, error) {
	draw, err := distribution(how, v)
	if err != nil {
		return column{}, err
	}
	if decimal == nil {
		return column{typ: floatType, make: func(c cells, valid *memory.Buffer, nulls int) arrow.Array {
			values := make([]float64, len(c.keys))
			for i, key := range c.keys {
				values[i] = draw(key)
			}
			return fixedArray(floatType, values, valid, nulls)
		}}, nil
	}
	places, err := number(decimal, 0, 9)
	if err != nil {
		return column{}, err
	}
	if places == 0 {
		return column{typ: int64Type, make: func(c cells, valid *memory.Buffer, nulls int) arrow.Array {
			values := make([]int64, len(c.keys))
			for i, key := range c.keys {
				values[i] = int64(math.Max(-1<<62, math.Min(1<<62, math.Round(draw(key)))))
			}
			return fixedArray(int64Type, values, valid, nulls)
		}}, nil
	}
	scale := math.Pow10(int(places))
	return column{typ: floatType, make: func(c cells, valid *memory.Buffer, nulls int) arrow.Array {
		values := make([]float64, len(c.keys))
		for i, key := range c.keys {
			values[i] = math.Round(draw(key)*scale) / scale
		}
		return fixedArray(floatType, values, valid, nulls)
	}}, nil
}

func distribution(how string, v *setting.Node) (func(key uint64) float64, error) {
	if how == exponentialKey {
		mean, err := number(v, 0, 1e300)
		return func(key uint64) float64 { return -mean * math.Log(1-unit(key)) }, err
	}
	a, b, err := pair(v, map[string]string{
		normalKey: "{normal: [100, 15]}, the mean and the standard deviation", uniformKey: "{uniform: [0, 1]}, the least and the most",
		lognormalKey: "{lognormal: [3, 0.5]}, the mean and the standard deviation of the logarithm",
	}[how])
	switch {
	case err != nil:
		return nil, err
	case how == uniformKey && a > b:
		return nil, v.Errorf("no number is between %v and %v", a, b).WithHint("write the lesser one first")
	case how == uniformKey:
		return func(key uint64) float64 { return a + (b-a)*unit(key) }, nil
	case b < 0:
		return nil, v.Errorf("the standard deviation %v is negative", b)
	case how == lognormalKey:
		return func(key uint64) float64 { return math.Exp(a + b*normal(key)) }, nil
	}
	return func(key uint64) float64 { return a + b*normal(key) }, nil
}

// normal maps key to the standard normal distribution, as Box and Muller do.
func normal(key uint64) float64 {
	return math.Sqrt(-2*math.Log(1-unit(key))) * math.Cos(2*math.Pi*unit(at(key, 0)))
}

// oneOfColumn reads a list of values, or a map of values and their weights.
func oneOfColumn(v *setting.Node) (column, error) {
	var values []*setting.Node
	var weights []float64
	for _, item := range v.Items {
		if item.Kind != setting.Scalar {
			return column{}, item.Errorf("%s cannot be one of the values", item.Shown())
		}
		values, weights = append(values, item), append(weights, 1)
	}
	for _, p := range v.Pairs {
		weight, err := number(p.Value, 0, 1e300)
		if err != nil {
			return column{}, err
		}
		values = append(values, &setting.Node{Kind: setting.Scalar, Text: p.Key, Place: p.Place})
		weights = append(weights, weight)
	}
	sum := 0.0
	for _, w := range weights {
		sum += w
	}
	if sum == 0 {
		return column{}, v.Errorf("there is no value to choose").WithHint("write {one_of: {DE: 0.6, FR: 0.4}} or {one_of: [DE, FR]}")
	}
	for i := range weights {
		weights[i] /= sum
	}
	return choice(values, weights), nil
}

// choice is a column of some of values. They are numbers or booleans if all of them are written so.
func choice(values []*setting.Node, weights []float64) column {
	var d []move
	for i, w := range weights {
		d = append(d, move{i, w})
	}
	dice := newDice(d)
	texts := make([]string, len(values))
	for i, v := range values {
		texts[i] = v.Text
	}
	if ints, ok := parseAll(values, func(s string) (int64, error) { return strconv.ParseInt(s, 10, 64) }); ok {
		return column{typ: int64Type, make: func(c cells, valid *memory.Buffer, nulls int) arrow.Array {
			return fixedArray(int64Type, chosen(c, &dice, ints), valid, nulls)
		}}
	}
	if floats, ok := parseAll(values, func(s string) (float64, error) { return strconv.ParseFloat(s, 64) }); ok {
		return column{typ: floatType, make: func(c cells, valid *memory.Buffer, nulls int) arrow.Array {
			return fixedArray(floatType, chosen(c, &dice, floats), valid, nulls)
		}}
	}
	if bools, ok := parseAll(values, strconv.ParseBool); ok && !slices.ContainsFunc(texts, func(s string) bool { return s != "true" && s != "false" }) {
		return column{typ: boolType, make: func(c cells, valid *memory.Buffer, nulls int) arrow.Array {
			return boolArray(len(c.keys), valid, nulls, func(i int) bool { return bools[dice.roll(c.keys[i])] })
		}}
	}
	dict := stringArray(texts)
	return column{typ: dictType, make: func(c cells, valid *memory.Buffer, nulls int) arrow.Array {
		codes := make([]int32, len(c.keys))
		for i, key := range c.keys {
			codes[i] = int32(dice.roll(key))
		}
		return dictArray(codes, dict, valid, nulls)
	}}
}

// odd reports a text that parses as a number but is none for people: 007, inf.
func odd(text string) bool {
	if len(text) > 1 && text[0] == '0' && text[1] != '.' {
		return true
	}
	return slices.Contains([]string{"inf", "infinity", "nan"}, strings.TrimLeft(strings.ToLower(text), "+-"))
}

// parseAll reads all values; ok is false when one is quoted, odd or no T.
func parseAll[T any](values []*setting.Node, parse func(string) (T, error)) (out []T, ok bool) {
	for _, n := range values {
		v, err := parse(n.Text)
		if err != nil || n.Quoted || odd(n.Text) {
			return nil, false
		}
		out = append(out, v)
	}
	return out, true
}

func chosen[T any](c cells, d *dice, values []T) []T {
	out := make([]T, len(c.keys))
	for i, key := range c.keys {
		out[i] = values[d.roll(key)]
	}
	return out
}

func boolColumn(v *setting.Node) (column, error) {
	p := 0.5
	if v.Kind != setting.Null {
		var err error
		if p, err = number(v, 0, 1); err != nil {
			return column{}, err
		}
	}
	limit := chance(p)
	return column{typ: boolType, make: func(c cells, valid *memory.Buffer, nulls int) arrow.Array {
		return boolArray(len(c.keys), valid, nulls, func(i int) bool { return c.keys[i] < limit })
	}}, nil
}

func boolArray(n int, valid *memory.Buffer, nulls int, value func(i int) bool) arrow.Array {
	bits := make([]byte, bitutil.BytesForBits(int64(n)))
	for i := range n {
		if value(i) {
			bitutil.SetBit(bits, i)
		}
	}
	return newArray(boolType, n, valid, nulls, memory.NewBufferBytes(bits))
}

func textColumn(v *setting.Node) (column, error) {
	lo, hi, err := span(v, 1<<20, "{text: 20} or {text: [5, 20]}, the length")
	if err != nil {
		return column{}, err
	}
	return column{typ: textType, make: func(c cells, valid *memory.Buffer, nulls int) arrow.Array {
		return textArray(len(c.keys), hi*len(c.keys), valid, nulls, func(dst []byte, i int) []byte {
			n := lo + int(below(c.keys[i], uint64(hi-lo+1)))
			for k := 0; k < n; k += 12 {
				r := at(c.keys[i], uint64(k))
				for range min(12, n-k) {
					dst = append(dst, letters[r&31])
					r >>= 5
				}
			}
			return dst
		})
	}}, nil
}

// letters has one for each of five bits.
const letters = "abcdefghijklmnopqrstuvwxyz aeiou"

func (r *reader) every(v, jitterNode *setting.Node) (column, error) {
	var every, jitter time.Duration
	if err := setting.Decode(v, &every); err != nil {
		return column{}, err
	}
	if jitterNode != nil {
		if err := setting.Decode(jitterNode, &jitter); err != nil {
			return column{}, err
		}
	}
	if every < time.Microsecond {
		return column{}, v.Errorf("times are at least a microsecond apart")
	}
	start, late := r.start, r.late
	step, wide := every.Microseconds(), jitter.Microseconds()
	return column{typ: stampType, make: func(c cells, valid *memory.Buffer, nulls int) arrow.Array {
		stamps := make([]int64, len(c.rows))
		for i, row := range c.rows {
			stamps[i] = start + row*step + int64(c.keys[i]%uint64(2*wide+1)) - wide
			if late.late > 0 {
				stamps[i] -= late.lateness(row)
			}
		}
		return fixedArray(stampType, stamps, valid, nulls)
	}}, nil
}

func (r *reader) structColumn(v *setting.Node) (column, error) {
	columns, err := r.columns(v)
	if err != nil {
		return column{}, err
	}
	var fields []arrow.Field
	for _, c := range columns {
		fields = append(fields, c.field())
	}
	t := arrow.StructOf(fields...)
	return column{typ: t, make: func(c cells, valid *memory.Buffer, nulls int) arrow.Array {
		children := make([]arrow.ArrayData, len(columns))
		for i := range columns {
			children[i] = columns[i].fill(c).Data()
		}
		return array.NewStructData(array.NewData(t, len(c.keys), []*memory.Buffer{valid}, children, nulls, 0))
	}}, nil
}

func (r *reader) listColumn(v *setting.Node) (column, error) {
	const hint = "{list: {of: uuid, length: [0, 5]}}"
	if v.Kind != setting.Map || v.Get("of") == nil {
		return column{}, v.Errorf("a list needs to know what it is of").WithHint("write %s", hint)
	}
	for _, p := range v.Pairs {
		if p.Key != "of" && p.Key != "length" {
			return column{}, setting.UnknownKey(p.Place, p.Key, []string{"of", "length"})
		}
	}
	length := v.Get("length")
	if length == nil {
		length = &setting.Node{Place: v.Place}
	}
	lo, hi, err := span(length, 1<<16, hint)
	if err != nil {
		return column{}, err
	}
	element, err := r.column("item", v.Get("of"))
	if err != nil {
		return column{}, err
	}
	t := arrow.ListOf(element.typ)
	return column{typ: t, make: func(c cells, valid *memory.Buffer, nulls int) arrow.Array {
		offsets := make([]int32, len(c.keys)+1)
		var in cells
		for i, key := range c.keys {
			n := lo + int(below(key, uint64(hi-lo+1)))
			for k := range n {
				in.keys, in.rows = append(in.keys, at(key, uint64(k))), append(in.rows, c.rows[i])
			}
			offsets[i+1] = int32(len(in.keys))
		}
		buffers := []*memory.Buffer{valid, memory.NewBufferBytes(arrow.GetBytes(offsets))}
		return array.NewListData(array.NewData(t, len(c.keys), buffers, []arrow.ArrayData{element.fill(in).Data()}, nulls, 0))
	}}, nil
}
