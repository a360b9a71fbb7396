//go:build !no_stage_filter

package all

import "github.com/gros-lake/gros/stage"

func init() { stages = append(stages, stage.Filter) }
