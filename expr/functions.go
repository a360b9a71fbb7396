package expr

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/gros-lake/gros/fault"
	"github.com/gros-lake/gros/rows"
)

// function is what a name, or an operator, means.
type function struct {
	name     string // the canonical one
	min, max int    // number of arguments; max -1: any number
	usage    string
	bind     func(b *binder, n *node, args []*op) (*op, error)
}

// operators are written between and around their operands.
var operators = map[string]function{
	"and": {bind: bindLogic}, "or": {bind: bindLogic}, "not": {bind: bindNot}, "is null": {bind: bindIsNull},
	"=": {bind: bindCompare}, "<>": {bind: bindCompare}, "<": {bind: bindCompare}, "<=": {bind: bindCompare}, ">": {bind: bindCompare}, ">=": {bind: bindCompare},
	"in": {bind: bindIn}, "between": {bind: bindBetween}, "like": {bind: bindLike}, "ilike": {bind: bindLike},
	"+": {bind: bindArithmetic}, "-": {bind: bindArithmetic}, "*": {bind: bindArithmetic}, "/": {bind: bindArithmetic},
	"//": {bind: bindArithmetic}, "%": {bind: bindArithmetic}, "negate": {bind: bindNegate}, "||": {bind: bindConcat},
	"case": {bind: bindCase}, "switch": {bind: bindSwitch},
}

// functions are called by name.
var functions = map[string]function{
	"year":           {min: 1, max: 1, usage: "year(date or timestamp)", bind: bindDatePart},
	"quarter":        {min: 1, max: 1, usage: "quarter(date or timestamp)", bind: bindDatePart},
	"month":          {min: 1, max: 1, usage: "month(date or timestamp)", bind: bindDatePart},
	"day":            {min: 1, max: 1, usage: "day(date or timestamp)", bind: bindDatePart},
	"hour":           {min: 1, max: 1, usage: "hour(timestamp)", bind: bindClockPart},
	"minute":         {min: 1, max: 1, usage: "minute(timestamp)", bind: bindClockPart},
	"second":         {min: 1, max: 1, usage: "second(timestamp)", bind: bindClockPart},
	"date_trunc":     {min: 2, max: 2, usage: "date_trunc('month', timestamp)", bind: bindDateTrunc},
	"to_timestamp":   {min: 1, max: 1, usage: "to_timestamp(seconds since 1970)", bind: bindEpoch},
	"epoch_ms":       {min: 1, max: 1, usage: "epoch_ms(milliseconds since 1970)", bind: bindEpoch},
	"make_timestamp": {min: 1, max: 1, usage: "make_timestamp(microseconds since 1970)", bind: bindEpoch},

	"lower":          {min: 1, max: 1, usage: "lower(text)", bind: bindTextMap(appendLower)},
	"upper":          {min: 1, max: 1, usage: "upper(text)", bind: bindTextMap(appendUpper)},
	"trim":           {min: 1, max: 2, usage: "trim(text[, characters])", bind: bindTrim(true, true)},
	"ltrim":          {min: 1, max: 2, usage: "ltrim(text[, characters])", bind: bindTrim(true, false)},
	"rtrim":          {min: 1, max: 2, usage: "rtrim(text[, characters])", bind: bindTrim(false, true)},
	"length":         {min: 1, max: 1, usage: "length(text)", bind: bindLength},
	"substr":         {min: 2, max: 3, usage: "substr(text, from[, length])", bind: bindSubstr},
	"replace":        {min: 3, max: 3, usage: "replace(text, from, to)", bind: bindReplace},
	"split_part":     {min: 3, max: 3, usage: "split_part(text, separator, index)", bind: bindSplitPart},
	"starts_with":    {min: 2, max: 2, usage: "starts_with(text, prefix)", bind: bindTextTest(strings.HasPrefix)},
	"ends_with":      {min: 2, max: 2, usage: "ends_with(text, suffix)", bind: bindTextTest(strings.HasSuffix)},
	"contains":       {min: 2, max: 2, usage: "contains(text, part)", bind: bindTextTest(strings.Contains)},
	"regexp_matches": {min: 2, max: 3, usage: "regexp_matches(text, pattern[, options])", bind: bindRegexpMatches},
	"regexp_extract": {min: 2, max: 4, usage: "regexp_extract(text, pattern[, group[, options]])", bind: bindRegexpExtract},
	"md5":            {min: 1, max: 1, usage: "md5(text)", bind: bindHash(appendMD5)},
	"sha256":         {min: 1, max: 1, usage: "sha256(text)", bind: bindHash(appendSHA256)},

	"coalesce": {min: 1, max: -1, usage: "coalesce(x, y, …)", bind: bindCoalesce},
	"nullif":   {min: 2, max: 2, usage: "nullif(x, y)", bind: bindNullif},
	"greatest": {min: 1, max: -1, usage: "greatest(x, y, …)", bind: bindGreatest},
	"least":    {min: 1, max: -1, usage: "least(x, y, …)", bind: bindGreatest},
	"abs":      {min: 1, max: 1, usage: "abs(number)", bind: bindAbs},
	"round":    {min: 1, max: 2, usage: "round(number[, digits])", bind: bindRound},
	"bucket":   {min: 2, max: 2, usage: "bucket(16, x)", bind: bindBucket},
	"truncate": {min: 2, max: 2, usage: "truncate(10, x)", bind: bindTruncate},
}

// aliases are other names of functions.
var aliases = map[string]string{
	"substring": "substr", "len": "length", "char_length": "length", "lcase": "lower", "ucase": "upper", "suffix": "ends_with",
	"prefix": "starts_with", "datetrunc": "date_trunc", "ifnull": "coalesce",
}

func lookup(name string) (function, bool) {
	if f, ok := operators[name]; ok {
		return f, true
	}
	if canonical, ok := aliases[name]; ok {
		name = canonical
	}
	f, ok := functions[name]
	f.name = name
	return f, ok
}

func functionNames() []string { return slices.Sorted(maps.Keys(functions)) }

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// mismatch is the error that a function cannot take an argument of this type.
func (b *binder) mismatch(n *node, a *op, want string) error {
	name := n.text
	if name == "negate" {
		name = "-"
	}
	err := b.errorf(a.node, "%s takes %s, not %s", name, want, rows.TypeName(a.typ))
	if n.usage == "" {
		return err
	}
	return fault.Hint(err, "%s", n.usage)
}

// textArg returns a if it is text.
func (b *binder) textArg(n *node, a *op) (*op, error) {
	if !isText(a.typ) && !isNull(a.typ) {
		return nil, b.mismatch(n, a, "text")
	}
	return b.coerce(a, textType)
}

// intArg returns a as a bigint if it is an integer.
func (b *binder) intArg(n *node, a *op) (*op, error) {
	if !isInteger(a.typ) && !isNull(a.typ) {
		return nil, b.mismatch(n, a, "an integer")
	}
	return b.coerce(a, bigintType)
}

// constantInt returns the value of a, which must be the same integer for all rows.
func (b *binder) constantInt(n *node, a *op) (int64, error) {
	if a.value == nil || a.value.allNull() || !isInteger(a.typ) {
		return 0, b.mismatchConstant(n, a, "an integer")
	}
	return a.value.ints[0], nil
}

// constantText returns the value of a, which must be the same text for all rows.
func (b *binder) constantText(n *node, a *op) (string, error) {
	if a.value == nil || a.value.allNull() || !isText(a.typ) {
		return "", b.mismatchConstant(n, a, "a text")
	}
	return a.value.texts[0], nil
}

func (b *binder) mismatchConstant(n *node, a *op, want string) error {
	err := b.errorf(a.node, "%s takes %s here that is the same for all rows", n.text, want)
	return fault.Hint(err, "%s", n.usage)
}

// each makes an evaluator of a function of one value that never fails.
func each[A, R any](from func(*vector) []A, to func(*vector, []R), f func(A) R) evaluator {
	return func(n int, args []*vector) *vector {
		out, result := strict(n, args...), make([]R, n)
		for i, a := range from(args[0])[:n] {
			if out.nulls == nil || !out.nulls[i] {
				result[i] = f(a)
			}
		}
		to(out, result)
		return out
	}
}

func ints(v *vector) []int64            { return v.ints }
func floats(v *vector) []float64        { return v.floats }
func texts(v *vector) []string          { return v.texts }
func setInts(v *vector, values []int64) { v.ints = values }
func setBools(v *vector, values []bool) { v.bools = values }
