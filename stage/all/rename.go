//go:build !no_stage_rename

package all

import "github.com/gros-lake/gros/stage"

func init() { stages = append(stages, stage.Rename) }
