package json

import (
	"math/rand/v2"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/gros-lake/gros/format"
	"github.com/gros-lake/gros/rows"
)

// guarded returns memory behind which lies a page that nobody may read.
func guarded(t *testing.T, size int) []byte {
	t.Helper()
	page := os.Getpagesize()
	size = (size + page - 1) / page * page
	m, err := syscall.Mmap(-1, 0, size+page, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := syscall.Munmap(m); err != nil {
			t.Error(err)
		}
	})
	if err := syscall.Mprotect(m[size:], syscall.PROT_NONE); err != nil {
		t.Fatal(err)
	}
	return m[:size:size]
}

func TestNothingIsReadBehindAPayload(t *testing.T) {
	memory, copies := guarded(t, 1<<20), guarded(t, 1<<20)
	d, err := NewDecoder(format.DecodeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	s := held(of("id", arrow.PrimitiveTypes.Int64), of("x", arrow.PrimitiveTypes.Float64), of("name", arrow.BinaryTypes.String), of("t", stampZoned),
		of("l", arrow.ListOf(arrow.PrimitiveTypes.Int64)), of("a key of many more than thirty-two bytes, quotes aside", arrow.BinaryTypes.String))
	check := func(in []byte, blocks bool) {
		at := memory[len(memory)-len(in):]
		copy(at, in)
		p, _ := rows.PayloadOf(rows.NewPayload("json", "", blocks, at))
		sc, err := d.(*decoder).scanner(s)
		if err != nil {
			t.Fatal(err)
		}
		// What the decoder copies lies as close to its guard as its slack allows.
		need := len(in) + slack
		if blocks {
			need = len(in) - strings.LastIndexByte(string(in[:max(0, len(in)-slack)]), '\n') - 1 + 1 + slack
		}
		sc.pad = copies[len(copies)-need:][:0:need]
		sc.guesses = newGuesses(sc, d.(*decoder))
		sc.run(p, guessing)
		if len(sc.pad) != need || &sc.pad[0] != &copies[len(copies)-need] {
			t.Fatalf("%q was copied elsewhere", in)
		}
		sc.pad = nil
		d.(*decoder).release(sc)
	}
	whole := `{"id":12345678,"x":-1234567.1234567,"name":"exactly sixteen.","t":"2024-02-29T12:00:00.123456Z","l":[1,22,333],"new":{"a":[true,false,null]},` +
		`"a key of many more than thirty-two bytes, quotes aside":"\u00e9\ud83d\ude00 and text","n":123456789012345678}`
	for end := range len(whole) + 1 {
		for start := range 3 {
			in := []byte(strings.Repeat(whole+"\n", start) + whole[:end])
			check(in, true)
			check(append(in, '\n'), true)
			check([]byte(whole[:end]), false)
		}
	}
	m := messy{rand.New(rand.NewPCG(3, 3))}
	for range 300 {
		in := m.lines(4)
		check(in, true)
		check(in[:m.IntN(len(in)+1)], true)
		check(in[:m.IntN(len(in)+1)], false)
	}
}
