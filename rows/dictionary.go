package rows

import (
	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// A dictionary is worth its indices while it is short, or values repeat in it.
const (
	shortDictionary = 256
	longDictionary  = 1 << 16
)

// gatherDictionary copies strings, some of which come from dictionaries, into one array with a dictionary of the values
// that occur. It returns nil when they do not repeat enough: more than half of them differ, or there are too many.
func gatherDictionary(sources []source, n int) arrow.Array {
	g := interner{limit: min(max(n/2, shortDictionary), longDictionary), codes: make([]int32, n)}
	g.single = oneDictionary(sources)
	k := 0
	for _, s := range sources {
		codes := g.codes[k : k+s.n]
		k += s.n
		ok := true
		switch col := s.col.(type) {
		case *array.Dictionary:
			ok = g.encoded(s, col, codes)
		case *array.String:
			ok = g.plain(s, col, codes)
		}
		if !ok {
			return nil
		}
	}
	valid, nulls := gatherValidity(sources, n)
	return array.MakeFromData(array.NewDataWithDictionary(TextDictionary, n,
		[]*memory.Buffer{valid, memory.NewBufferBytes(bytesOf(g.codes))}, nulls, 0, g.dictionary()))
}

// interner numbers distinct strings in the order they occur.
type interner struct {
	limit  int
	single bool // all strings are of one dictionary, so different places are different values
	codes  []int32
	byText map[string]int32
	values []string // in the memory of the sources
	stamps []int32  // of the dictionary that is read: code+1 of each of its values, 0 while it has none
	of     arrow.ArrayData
}

// oneDictionary reports whether all sources with values share a dictionary.
func oneDictionary(sources []source) bool {
	var first arrow.ArrayData
	for _, s := range sources {
		if s.col == nil {
			continue
		}
		d, ok := s.col.(*array.Dictionary)
		if !ok || first != nil && first != d.Dictionary().Data() {
			return false
		}
		first = d.Dictionary().Data()
	}
	return true
}

func (g *interner) encoded(s source, col *array.Dictionary, codes []int32) bool {
	dict, ok := col.Dictionary().(*array.String)
	if !ok {
		return false
	}
	if dict.Data() != g.of {
		g.of = dict.Data()
		if cap(g.stamps) < dict.Len() {
			g.stamps = make([]int32, dict.Len())
		}
		g.stamps = g.stamps[:dict.Len()]
		clear(g.stamps)
	}
	data := col.Data()
	places := valuesOf[int32](data, 1)
	places = places[min(data.Offset(), len(places)):]
	nulls := s.hasNulls()
	for i := range codes {
		at := i
		if nulls {
			at = s.at(i)
		} else if s.index != nil {
			at = int(s.index[i])
		}
		if at < 0 {
			continue
		}
		place := places[at]
		if g.stamps[place] == 0 {
			code, ok := g.number(dict.Value(int(place)))
			if !ok {
				return false
			}
			g.stamps[place] = code + 1
		}
		codes[i] = g.stamps[place] - 1
	}
	return true
}

func (g *interner) plain(s source, col *array.String, codes []int32) bool {
	for i := range codes {
		if at := s.at(i); at >= 0 {
			code, ok := g.number(col.Value(at))
			if !ok {
				return false
			}
			codes[i] = code
		}
	}
	return true
}

// number returns the code of a value, false if the dictionary is full.
func (g *interner) number(text string) (int32, bool) {
	if !g.single {
		if code, ok := g.byText[text]; ok {
			return code, true
		}
	}
	code := int32(len(g.values))
	if len(g.values) >= g.limit {
		return 0, false
	}
	if !g.single {
		if g.byText == nil {
			g.byText = make(map[string]int32)
		}
		g.byText[text] = code
	}
	g.values = append(g.values, text)
	return code, true
}

func (g *interner) dictionary() *array.Data {
	offsets, size := make([]int32, 1, len(g.values)+1), 0
	for _, v := range g.values {
		size += len(v)
		offsets = append(offsets, int32(size))
	}
	text := make([]byte, 0, size)
	for _, v := range g.values {
		text = append(text, v...)
	}
	return array.NewData(arrow.BinaryTypes.String, len(g.values),
		[]*memory.Buffer{nil, memory.NewBufferBytes(bytesOf(offsets)), memory.NewBufferBytes(text)}, nil, 0, 0)
}

// takeDictionary takes values by their indices alone.
func takeDictionary(col *array.Dictionary, index []int32) arrow.Array {
	sources := []source{{col: col, index: index, n: len(index)}}
	valid, nulls := gatherValidity(sources, len(index))
	codes := memory.NewBufferBytes(copyFixed[int32](sources, len(index)))
	dict := col.Dictionary().Data().(*array.Data)
	return array.MakeFromData(array.NewDataWithDictionary(col.DataType(), len(index), []*memory.Buffer{valid, codes}, nulls, 0, dict))
}
