// Package setting describes the settings of connectors, formats and stages: one tagged struct each, from which parsing,
// defaults, help and schemas come.
//
// A field is a setting when it has the tag `setting:"name"`; `doc:"…"` says what it means, `default:"…"` what it is when
// absent, `example:"…"` shows one, and `setting:"name,required"` insists on it. Types: string, bool, integers, floats,
// time.Duration (5s), Bytes (128MiB), slices, structs, pointers to structs (nil when absent), Pairs (a map in the order
// written) and *Node (anything). `oneof:"a b c"` on a text lists what it may be. The fields of an embedded struct stand
// among those of the struct around it.
//
// A type with other notations implements Unmarshaler, and says them with Typer; one with rules beyond types implements
// Checker.
package setting

// Kind is what a Node is.
type Kind uint8

// The kinds of Node.
const (
	Null Kind = iota
	Scalar
	List
	Map
)

// Place is where a setting stands, for errors.
type Place struct {
	File         string
	Line, Column int    // from 1; 0 = unknown
	Path         string // sink.files.path
}

// Node is a value of a configuration file with its place.
type Node struct {
	Kind   Kind
	Text   string  // of a Scalar, after quotes and variables are resolved
	Quoted bool    // the Scalar was written as a string
	Raw    string  // the Scalar before its variables were resolved, "" if it had none: errors show it, not a secret
	Items  []*Node // of a List
	Pairs  Pairs   // of a Map, in the order written
	Place  Place
}

// Pair is one entry of a Map.
type Pair struct {
	Key   string
	Place Place // of the key
	Value *Node
}

// Pairs is a Map in the order written.
type Pairs []Pair
