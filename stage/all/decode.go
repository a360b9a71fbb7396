//go:build !no_stage_decode

package all

import "github.com/gros-lake/gros/stage"

func init() { stages = append(stages, stage.Decode) }
