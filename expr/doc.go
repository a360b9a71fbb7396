// Package expr evaluates SQL scalar expressions over batches of rows, column by column. An expression is parsed once, bound
// to a schema, which checks its types before a row flows, and then evaluated for any number of batches, concurrently. The
// language is a subset of DuckDB's and means what DuckDB means.
//
// # What there is
//
//	literals      1  1_000  1.50  1e6  'text'  true  null  date '2024-02-29'  timestamp '2024-02-29 10:00:00'  timestamptz '…Z'
//	columns       a  "any name"  a.field  (names are exact: A is not a)
//	operators     + - * / // %  = <> < <= > >=  and or not  ||  in  between  like  ilike  is null  x::type  (each with “not”)
//	forms         case when … then … else … end  case x when … end  cast(x as type)  try_cast(x as type)
//	functions     see the table of functions
//
// Types follow DuckDB: integers keep their width and overflow is an error, an integer literal takes the width of what it
// meets, / divides doubles, // and % by zero are null, sums of decimals get a digit, NaN is the greatest number. Strings
// compare byte by byte. Timestamps are read and taken apart in UTC.
//
// A row for which there is no value, as a cast of 'abc' to integer, is reported as a RowError, and only if its value is
// needed: case, coalesce, and, or decide from the left.
//
// # Where it differs from DuckDB
//
//   - There is no hugeint: integers beyond 64 bits are decimals without fraction. There are no intervals.
//   - Names of columns are exact. There are no implicit casts of text columns.
//   - The pattern and the options of a regular expression, the unit of date_trunc, the digits of round, the escape of like and
//     the width of bucket and truncate are the same for all rows.
//   - round to tens of an integer that leaves its type is an error; sums and products of decimals grow up to 38 digits.
//   - A float becomes a decimal by its exact value, and its text is the shortest that reads back as it; a NaN has no sign.
//   - Texts that stand for a date or a number end with it: '2024-01-05 garbage' is no date, '0x10' no integer.
//   - Text becomes a blob as its bytes, without escapes.
package expr
