package rows

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/gros-lake/gros/fault"
)

// savedSchema is the schema of a destination as commits keep it.
type savedSchema struct {
	Fingerprint string       `json:"fingerprint"`
	Fields      []savedField `json:"fields"`
	Changes     []string     `json:"changes,omitempty"`
}

type savedField struct {
	Name        string       `json:"name"`
	Type        string       `json:"type"`
	CompanionOf string       `json:"companion_of,omitempty"`
	Fields      []savedField `json:"fields,omitempty"` // of the struct inside the type, where one of them is a companion
}

// MarshalSchema writes s as it is saved with commits: the fields in order, undecided ones with the type null, companions
// marked, and what the commit changed, for people.
func MarshalSchema(s *arrow.Schema, changes ...string) json.RawMessage {
	saved := savedSchema{Fingerprint: Fingerprint(s), Fields: saveFields(s.Fields()), Changes: changes}
	text, err := json.Marshal(saved)
	if err != nil { // strings and slices of them
		panic(err)
	}
	return text
}

func saveFields(fields []arrow.Field) []savedField {
	saved := make([]savedField, len(fields))
	for i, f := range fields {
		saved[i] = savedField{Name: f.Name, Type: TypeName(f.Type), CompanionOf: CompanionOf(f)}
		if inner := structsIn(f.Type); hasCompanion(inner) {
			saved[i].Fields = saveFields(inner)
		}
	}
	return saved
}

// structsIn returns the fields of the struct that dt is, or is a list of, or a map to.
func structsIn(dt arrow.DataType) []arrow.Field {
	switch t := dt.(type) {
	case *arrow.StructType:
		return t.Fields()
	case *arrow.ListType:
		return structsIn(t.Elem())
	case *arrow.MapType:
		return structsIn(t.ItemType())
	}
	return nil
}

func hasCompanion(fields []arrow.Field) bool {
	for _, f := range fields {
		if CompanionOf(f) != "" || hasCompanion(structsIn(f.Type)) {
			return true
		}
	}
	return false
}

// UnmarshalSchema reads what MarshalSchema wrote.
func UnmarshalSchema(text json.RawMessage) (*arrow.Schema, error) {
	var saved savedSchema
	if err := json.Unmarshal(text, &saved); err != nil {
		return nil, fault.Errorf(fault.Corrupt, "a saved schema: %w", err)
	}
	fields := make([]arrow.Field, len(saved.Fields))
	for i, f := range saved.Fields {
		dt, err := ParseType(f.Type)
		if err != nil {
			return nil, fault.Errorf(fault.Corrupt, "a saved schema: column %s: %w", f.Name, err)
		}
		fields[i] = f.restore(dt)
	}
	s := arrow.NewSchema(fields, nil)
	if got := Fingerprint(s); got != saved.Fingerprint {
		return nil, fault.Errorf(fault.Corrupt, "a saved schema has the fingerprint %s and says %q", got, saved.Fingerprint)
	}
	return s, nil
}

// restore returns the field of type dt with the marks that the text of a type cannot hold.
func (f savedField) restore(dt arrow.DataType) arrow.Field {
	field := arrow.Field{Name: f.Name, Type: markCompanions(dt, f.Fields), Nullable: true}
	if f.CompanionOf != "" {
		field.Metadata = companion(f.CompanionOf, "", dt).Metadata
	}
	return field
}

func markCompanions(dt arrow.DataType, saved []savedField) arrow.DataType {
	if len(saved) == 0 {
		return dt
	}
	switch t := dt.(type) {
	case *arrow.ListType:
		return arrow.ListOf(markCompanions(t.Elem(), saved))
	case *arrow.MapType:
		return arrow.MapOf(t.KeyType(), markCompanions(t.ItemType(), saved))
	case *arrow.StructType:
		fields := t.Fields()
		for i := range min(len(fields), len(saved)) {
			fields[i] = saved[i].restore(fields[i].Type)
		}
		return arrow.StructOf(fields...)
	}
	return dt
}

// Fingerprint is equal for schemas of the same names and types in the same order, 16 hex digits.
func Fingerprint(s *arrow.Schema) string {
	h := sha256.New()
	for _, f := range s.Fields() {
		fmt.Fprintf(h, "%s %s\n", quoteName(f.Name), TypeName(f.Type))
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}
