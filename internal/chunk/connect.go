package chunk

import (
	"context"
	"fmt"

	"github.com/gros-lake/gros/fault"
)

// Connect says whether the place can be read, and whether it is this pipeline's. It writes nothing.
func (s *Sink) Connect(ctx context.Context) error {
	head, err := s.log.Head(ctx)
	if err != nil || head == nil || s.Pipeline == "" || head.Tenant == "" || head.Tenant == s.Pipeline {
		return err
	}
	err = fault.Errorf(fault.Conflict, "%s%s: belongs to the pipeline %q, not to %q", s.Base, s.Stem, head.Tenant, s.Pipeline)
	return fault.Hint(err, "give this pipeline a path of its own")
}

// Place names where the sink writes: equal for sinks of one log.
func (s *Sink) Place() string { return fmt.Sprintf("%v %s%s", s.Bucket, s.Base, s.Stem) }
