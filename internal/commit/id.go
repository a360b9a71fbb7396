package commit

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"path"
	"regexp"
	"sync/atomic"
	"time"
)

// newNonce names one life of a writer: 48 random bits as 12 hex digits.
func newNonce() string {
	var b [6]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

// chunkID is a UUIDv7 (RFC 9562) as 32 hex digits whose last 12 are the writer's nonce, so that whatever is staged names
// its owner. The 26 bits between time and nonce count, so one writer never makes an id twice in a millisecond.
func chunkID(nonce string, count *atomic.Uint32) string {
	n := count.Add(1)
	var b [10]byte
	binary.BigEndian.PutUint64(b[:8], uint64(time.Now().UnixMilli())<<16)
	b[6] = 0x70 | byte(n>>22)&0x0f
	b[7] = byte(n >> 14)
	b[8] = 0x80 | byte(n>>8)&0x3f
	b[9] = byte(n)
	return hex.EncodeToString(b[:]) + nonce
}

// idPattern finds the chunk id at the end of a name's stem: STEM_<32 hex>.suffix.
var idPattern = regexp.MustCompile(`(?:^|_)([0-9a-f]{20})([0-9a-f]{12})(?:\.[^/]*)?$`)

// nonceOf returns the nonce of the writer that made this key, "" when it is none of ours.
func nonceOf(key string) string {
	m := idPattern.FindStringSubmatch(path.Base(key))
	if m == nil {
		return ""
	}
	return m[2]
}
