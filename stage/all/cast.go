//go:build !no_stage_cast

package all

import "github.com/gros-lake/gros/stage"

func init() { stages = append(stages, stage.Cast) }
