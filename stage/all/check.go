//go:build !no_stage_check

package all

import "github.com/gros-lake/gros/stage"

func init() { stages = append(stages, stage.Check) }
