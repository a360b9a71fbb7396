package expr

import (
	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
)

// vector holds the values of an expression for the rows of a batch: one slice, which one depends on the type. All integers,
// dates and times are ints; blobs are texts. What stands in the slice where a row is null or failed means nothing.
type vector struct {
	konst  bool   // the slices hold one value, which stands for all rows
	own    bool   // floats belong to this vector alone, which is used once: the next step may write over them
	nulls  []bool // nil: none
	errs   []rowError
	bools  []bool
	ints   []int64
	floats []float64
	decs   []decimal128.Num
	texts  []string
	array  arrow.Array // lists, structs and maps
}

// rowError is a row that has no value, which is seen only if the value is needed. The row is also null.
type rowError struct {
	row     int
	pos     int // byte offset in the expression
	message string
}

// mask is 0 for a constant and all ones otherwise: slice[i&mask] is the value of row i.
func (v *vector) mask() int {
	if v.konst {
		return 0
	}
	return -1
}

func (v *vector) isNull(i int) bool { return v.nulls != nil && v.nulls[i&v.mask()] }

// allNull reports whether v is a constant without value.
func (v *vector) allNull() bool { return v.konst && v.nulls != nil && v.nulls[0] }

// setNull makes row i of a vector of n rows null.
func (v *vector) setNull(i, n int) {
	if v.nulls == nil {
		v.nulls = make([]bool, n)
	}
	v.nulls[i] = true
}

// fail makes row i of a vector of n rows an error. A row keeps its first one.
func (v *vector) fail(i, n, pos int, message string) {
	if v.isNull(i) {
		return
	}
	v.setNull(i, n)
	v.errs = append(v.errs, rowError{i, pos, message})
}

// nullVector is a null for all rows, of every type at once.
func nullVector() *vector {
	return &vector{konst: true, nulls: []bool{true}, bools: make([]bool, 1), ints: make([]int64, 1), floats: make([]float64, 1),
		decs: make([]decimal128.Num, 1), texts: make([]string, 1)}
}

// strict returns a vector of n rows that is null or failed where one of args is; its values are the caller's to fill in.
func strict(n int, args ...*vector) *vector {
	out := &vector{}
	for _, a := range args {
		if a.nulls == nil {
			continue
		}
		if out.nulls == nil {
			out.nulls = make([]bool, n)
		}
		if a.konst {
			if a.nulls[0] {
				for i := range out.nulls {
					out.nulls[i] = true
				}
			}
		} else {
			for i, null := range a.nulls {
				out.nulls[i] = out.nulls[i] || null
			}
		}
		out.errs = append(out.errs, a.spread(n)...)
	}
	return out
}

// spread returns the errors of v, one for each of n rows when v is a constant.
func (v *vector) spread(n int) []rowError {
	if !v.konst || len(v.errs) == 0 {
		return v.errs
	}
	errs := make([]rowError, n)
	for i := range errs {
		errs[i] = v.errs[0]
		errs[i].row = i
	}
	return errs
}

// gather returns the vector whose row i is row index[i] of v.
func (v *vector) gather(index []int32) *vector {
	if v.konst {
		return v
	}
	out := &vector{bools: pick(v.bools, index), ints: pick(v.ints, index), floats: pick(v.floats, index), decs: pick(v.decs, index), texts: pick(v.texts, index)}
	if v.nulls != nil {
		out.nulls = pick(v.nulls, index)
	}
	if len(v.errs) == 0 {
		return out
	}
	failed := make(map[int]rowError, len(v.errs))
	for _, e := range v.errs {
		failed[e.row] = e
	}
	for i, from := range index {
		if e, ok := failed[int(from)]; ok {
			e.row = i
			out.errs = append(out.errs, e)
		}
	}
	return out
}

func pick[T any](values []T, index []int32) []T {
	if values == nil {
		return nil
	}
	out := make([]T, len(index))
	for i, from := range index {
		out[i] = values[from]
	}
	return out
}

// expand returns v with a value for each of n rows.
func (v *vector) expand(n int) *vector {
	if !v.konst {
		return v
	}
	out := v.gatherConst(n)
	out.errs = v.spread(n)
	return out
}

func (v *vector) gatherConst(n int) *vector {
	plain := *v
	plain.konst, plain.errs = false, nil
	return plain.gather(make([]int32, n))
}
