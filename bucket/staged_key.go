package bucket

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"path"
	"strings"

	"github.com/gros-lake/gros/fault"
)

const (
	stagedTag   = 16  // hex digits that make a staged name unique
	stagedPiece = 200 // bytes of a staged name in one path part: file systems end at 255
	partDigits  = 5
)

// NewStagedKey returns a new, unique name under the prefix beside for the bytes of an object that is to become key. It begins
// with the base name of key, and ParseStagedKey finds key in it:
//
//	beside/BASE~FOLDER~TAG
//
// BASE and FOLDER are escaped, TAG is 16 random hex digits, and a name of more than 200 bytes goes on in a subfolder.
func NewStagedKey(key, beside string) (string, error) {
	if err := CheckKey(key); err != nil {
		return "", err
	}
	beside = strings.TrimSuffix(beside, "/")
	if err := CheckKey(beside); err != nil {
		return "", fault.Errorf(fault.Invalid, "staging %s: %w", key, err)
	}
	var tag [stagedTag / 2]byte
	rand.Read(tag[:]) // never fails: the runtime ends the process instead
	folder, base := path.Split(key)
	name := escape(base) + "~" + escape(strings.TrimSuffix(folder, "/")) + "~" + hex.EncodeToString(tag[:])
	var b strings.Builder
	b.WriteString(beside)
	for len(name) > 0 {
		n := min(len(name), stagedPiece)
		b.WriteString("/" + name[:n])
		name = name[n:]
	}
	return b.String(), nil
}

// ParseStagedKey returns the key that an object under beside is staged for. It knows names of NewStagedKey and those of their
// parts (PartKey), whose upload is the name without the part. Other names are not ok.
func ParseStagedKey(staged, beside string) (key, upload string, ok bool) {
	rest, ok := strings.CutPrefix(staged, strings.TrimSuffix(beside, "/")+"/")
	if !ok || CheckKey(staged) != nil {
		return "", "", false
	}
	fields := strings.Split(strings.ReplaceAll(rest, "/", ""), "~")
	if len(fields) != 3 {
		return "", "", false
	}
	switch upload = staged; {
	case len(fields[2]) == stagedTag:
	case len(fields[2]) == stagedTag+partDigits && len(path.Base(staged)) == partDigits:
		upload = path.Dir(staged)
	default:
		return "", "", false
	}
	base, ok1 := unescape(fields[0])
	folder, ok2 := unescape(fields[1])
	key = base
	if folder != "" {
		key = folder + "/" + base
	}
	return key, upload, ok1 && ok2 && CheckKey(key) == nil
}

// PartKey names the object that holds part n of what is staged under upload.
func PartKey(upload string, n int) string { return fmt.Sprintf("%s/%0*d", upload, partDigits, n) }

const hexDigits = "0123456789ABCDEF"

func escape(s string) string {
	var b strings.Builder
	for i := range len(s) {
		if plain(s[i]) {
			b.WriteByte(s[i])
			continue
		}
		b.Write([]byte{'%', hexDigits[s[i]>>4], hexDigits[s[i]&15]})
	}
	return b.String()
}

func plain(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("-_.=", c) >= 0
}

func unescape(s string) (string, bool) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '%' {
			b.WriteByte(s[i])
			continue
		}
		if i+2 >= len(s) {
			return "", false
		}
		c, err := hex.DecodeString(s[i+1 : i+3])
		if err != nil {
			return "", false
		}
		b.WriteByte(c[0])
		i += 2
	}
	return b.String(), true
}
