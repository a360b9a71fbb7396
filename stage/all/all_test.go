package all

import (
	"slices"
	"testing"
)

func TestStagesAreListedByName(t *testing.T) {
	var names []string
	for _, s := range Stages() {
		if s.Doc == "" || s.Config == nil || s.Open == nil {
			t.Errorf("%s is not whole", s.Name)
		}
		names = append(names, s.Name)
	}
	if want := []string{"cast", "check", "decode", "derive", "drop", "filter", "rename", "select"}; !slices.Equal(names, want) {
		t.Errorf("stages are %v, want %v", names, want)
	}
}
