// Package faulty makes buckets fail as networks, stores and processes do.
//
// A Store is what several processes share. Each process under test is a Client of it, that can die or sleep on its own. A Hook
// sees each operation before it is done and says what goes wrong; without a Fault nothing does. Times are those of package time,
// so everything works on the fake clock of testing/synctest.
package faulty

import (
	"context"
	"sync"
	"time"

	"github.com/gros-lake/gros/bucket"
	"github.com/gros-lake/gros/fault"
)

var (
	// ErrCrashed is the answer to every call of a client that died. Nobody tries it again.
	ErrCrashed = fault.New(fault.Internal, "the process is dead")
	// ErrLost is the answer to a request whose outcome is unknown.
	ErrLost = fault.New(fault.Unavailable, "no answer came")
)

// Op is an operation that a client begins.
type Op struct {
	N      int    // counts the operations of all clients, from 1
	Client string // its name
	Name   string // get put stat list delete, stage write finish complete abort staged
	Nth    int    // counts the operations of this name by this client, from 1
	Key    string // or the prefix of a list
}

// Fault is what goes wrong with an operation. The zero Fault is nothing. Fields combine, in this order.
type Fault struct {
	CrashBefore bool          // the client dies; the operation has no effect
	Latency     time.Duration // passes before the operation takes effect
	Before      error         // the answer; the operation has no effect
	// Late makes the answer ErrLost at once, and the effect come that much later, whatever the client did meanwhile. A late
	// write or finish of a staged object has its effect now: its parts are numbered, so nobody can tell.
	Late       time.Duration
	Hide       func(key string) bool // keys that a list leaves out
	Cut        int64                 // a body ends with ErrLost after so many bytes, a list after so many objects, if > 0
	Dup        time.Duration         // the effect comes once more, that much later, if > 0
	CrashAfter bool                  // the client dies; the operation has its effect
	After      error                 // the answer; the operation has its effect
}

// Hook decides what goes wrong. Calls do not overlap. It may kill and pause clients, but call no bucket.
type Hook func(Op) Fault

// Store is a bucket that clients share.
type Store struct {
	// SettlesAfter is what clients answer to bucket.Settles, if > 0: at least the longest Late and Dup of the hook.
	SettlesAfter time.Duration

	inner bucket.Bucket
	hook  Hook
	late  sync.WaitGroup

	mu  sync.Mutex
	ops int
}

// New returns a store that keeps objects in inner. It stages if inner does. A nil hook lets all be well.
func New(inner bucket.Bucket, hook Hook) *Store {
	if hook == nil {
		hook = func(Op) Fault { return Fault{} }
	}
	return &Store{inner: inner, hook: hook}
}

// Ops returns how many operations were begun.
func (s *Store) Ops() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ops
}

// Wait returns when all late operations have taken effect. No client may be at work.
func (s *Store) Wait() { s.late.Wait() }

// Client returns a process's view of the store.
func (s *Store) Client(name string) *Client {
	return &Client{store: s, name: name, dead: make(chan struct{}), counts: map[string]int{}}
}

// Client is one process that uses the store.
type Client struct {
	store *Store
	name  string
	dead  chan struct{} // closed by Kill

	mu     sync.Mutex
	killed bool
	paused chan struct{} // not nil while it sleeps, closed when it wakes
	counts map[string]int
}

// Bucket returns what the process works with. It is a Stager if the store's bucket is.
func (c *Client) Bucket() bucket.Bucket {
	if inner, ok := c.store.inner.(bucket.Stager); ok {
		return stagingClient{plainClient{c}, inner}
	}
	return plainClient{c}
}

// Kill ends the process: it does nothing any more. What it sent before may still take effect.
func (c *Client) Kill() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.killed {
		c.killed = true
		close(c.dead)
	}
}

// Pause puts the process to sleep: its calls return only after Resume.
func (c *Client) Pause() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.paused == nil {
		c.paused = make(chan struct{})
	}
}

// Resume wakes the process.
func (c *Client) Resume() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.paused != nil {
		close(c.paused)
		c.paused = nil
	}
}

// awake waits while the process sleeps. It is an error when it is dead.
func (c *Client) awake() error {
	for {
		c.mu.Lock()
		killed, paused := c.killed, c.paused
		c.mu.Unlock()
		if killed {
			return ErrCrashed
		}
		if paused == nil {
			return nil
		}
		select {
		case <-paused:
		case <-c.dead:
		}
	}
}

// begin counts an operation, asks the hook, and lets the faults happen that come before the effect.
func (c *Client) begin(ctx context.Context, name, key string) (Fault, error) {
	if err := c.awake(); err != nil {
		return Fault{}, err
	}
	if err := ctx.Err(); err != nil {
		return Fault{}, err
	}
	f := c.ask(name, key)
	if f.CrashBefore {
		c.Kill()
	}
	if err := c.sleep(ctx, f.Latency); err != nil {
		return f, err
	}
	if err := c.awake(); err != nil {
		return f, err
	}
	return f, f.Before
}

func (c *Client) ask(name, key string) Fault {
	c.mu.Lock()
	c.counts[name]++
	op := Op{Client: c.name, Name: name, Nth: c.counts[name], Key: key}
	c.mu.Unlock()
	s := c.store
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ops++
	op.N = s.ops
	return s.hook(op)
}

func (c *Client) sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-c.dead:
		return ErrCrashed
	case <-ctx.Done():
		return ctx.Err()
	}
}

// end lets the faults happen that come after the effect, whose answer was err.
func (c *Client) end(f Fault, err error) error {
	if f.CrashAfter {
		c.Kill()
	}
	if dead := c.awake(); dead != nil {
		return dead
	}
	if f.After != nil {
		return f.After
	}
	return err
}

// do performs an operation that changes something. Keep is called before effect outlives the call.
func do[T any](ctx context.Context, c *Client, name, key string, keep func() error, effect func(context.Context) (T, error)) (T, error) {
	var zero T
	f, err := c.begin(ctx, name, key)
	if err != nil {
		return zero, err
	}
	if f.Late > 0 || f.Dup > 0 {
		if err := keep(); err != nil {
			return zero, err
		}
	}
	if f.Late > 0 {
		later(c.store, f.Late, effect)
		return zero, c.end(f, ErrLost)
	}
	v, err := effect(ctx)
	if f.Dup > 0 {
		later(c.store, f.Dup, effect)
	}
	if err := c.end(f, err); err != nil {
		return zero, err
	}
	return v, nil
}

// later lets an effect come after d. Nobody hears its answer.
func later[T any](s *Store, d time.Duration, effect func(context.Context) (T, error)) {
	s.late.Go(func() {
		time.Sleep(d)
		_, _ = effect(context.Background())
	})
}

func nothing() error { return nil }
