package bucket

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"strings"
	"time"
)

// DefaultSettles is how late a request may take effect where the bucket does not know better.
const DefaultSettles = 15 * time.Minute

// Settles returns how late a request to b may still take effect after it was sent.
func Settles(b Bucket) time.Duration {
	if s, ok := b.(Settler); ok {
		return s.Settles()
	}
	return DefaultSettles
}

// ReadAll returns the bytes of key.
func ReadAll(ctx context.Context, b Bucket, key string) ([]byte, error) {
	r, err := b.Get(ctx, key, 0, -1)
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(r)
	if closeErr := r.Close(); err == nil {
		err = closeErr
	}
	return data, err
}

// PutBytes puts data under key.
func PutBytes(ctx context.Context, b Bucket, key string, data []byte, c Condition) (Object, error) {
	return b.Put(ctx, key, bytes.NewReader(data), int64(len(data)), c)
}

// Probe finds out whether b honours IfAbsent: it puts an object twice, under a new name that begins with prefix, and deletes it.
func Probe(ctx context.Context, b Bucket, prefix string) (honoursIfAbsent bool, err error) {
	key := prefix + strings.ToLower(rand.Text()) // a name of its own: two processes may probe at once
	absent := Condition{IfAbsent: true}
	if _, err := PutBytes(ctx, b, key, []byte("probe"), absent); err != nil {
		return false, err
	}
	_, second := PutBytes(ctx, b, key, []byte("probe again"), absent)
	if err := b.Delete(ctx, key); err != nil {
		return false, err
	}
	if errors.Is(second, ErrCondition) {
		return true, nil
	}
	return false, second
}

func stagedPrefix(beside string) string { return strings.TrimSuffix(beside, "/") + "/" }
