package commit

import (
	"context"
	"encoding/json"

	"github.com/google/uuid"

	"github.com/gros-lake/gros/connector"
)

// Declare records that the schema of the destination grows from base, before anything of the grown one is staged: writers
// that own no positions cannot read their rows again when they find that another one gave a column another type. When the
// schema is no longer base, nothing is recorded and the one that holds is returned, to conform to.
func (w *Writer) Declare(ctx context.Context, base, schema json.RawMessage) (holds json.RawMessage, err error) {
	w.turn.Lock()
	defer w.turn.Unlock()
	if w.stuck != nil {
		return nil, w.stuck
	}
	if err := w.refresh(ctx); err != nil {
		return nil, err
	}
	commit := uuid.NewString()
	for {
		if err := w.owns(); err != nil {
			return nil, err
		}
		if !sameSchema(w.head.Schema, base) {
			return w.head.Schema, nil
		}
		r := w.next(connector.KindOwn, commit)
		r.Schema = schema
		ok, err := w.putRecord(ctx, r)
		if ok || err != nil {
			return schema, err
		}
	}
}

// sameSchema compares schemas as rows.MarshalSchema writes them, whatever changes they tell of.
func sameSchema(a, b json.RawMessage) bool { return fingerprint(a) == fingerprint(b) }

func fingerprint(schema json.RawMessage) string {
	var s struct {
		Fingerprint string `json:"fingerprint"`
	}
	if schema == nil || json.Unmarshal(schema, &s) != nil {
		return ""
	}
	return s.Fingerprint
}

// withoutChanges is a schema as the next record carries it: the changes are those of one commit.
func withoutChanges(schema json.RawMessage) json.RawMessage {
	var s map[string]json.RawMessage
	if schema == nil || json.Unmarshal(schema, &s) != nil {
		return schema
	}
	if _, changed := s["changes"]; !changed {
		return schema
	}
	delete(s, "changes")
	raw, err := json.Marshal(s)
	if err != nil {
		return schema
	}
	return raw
}
