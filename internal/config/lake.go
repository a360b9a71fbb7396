package config

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/gros-lake/gros/fault"
	"github.com/gros-lake/gros/setting"
)

// LakeFile is the name of the file that makes a folder a lake.
const LakeFile = "gros.yaml"

// Lake is a gros.yaml.
type Lake struct {
	File string // where it was found
	Dir  string // the folder it stands in, against which its paths are

	Lake      LakeRoot      `setting:"lake" doc:"where the lake keeps what it has"`
	Server    *setting.Node `setting:"server" doc:"of gros serve"`
	Pipelines []string      `setting:"pipelines" doc:"pipeline files, as patterns" example:"[pipelines/*.yaml]"`
	Jobs      []string      `setting:"jobs" doc:"job files, as patterns" example:"[jobs/*.yaml]"`
	Policies  []string      `setting:"policies" doc:"policy files, as patterns" example:"[policies/*.yaml]"`
}

// LakeRoot is the places of a lake.
type LakeRoot struct {
	Root    string `setting:"root" default:"./lake" doc:"folder or bucket of all datasets" example:"s3://bucket/prefix"`
	Catalog string `setting:"catalog" doc:"where current tables are found" example:"sqlite:lake/catalog.db"`
	State   string `setting:"state" doc:"database of the server" example:"sqlite:lake/state.db"`
}

// LoadLake reads the nearest gros.yaml in dir or a folder above it. The error is NotFound when there is none.
func LoadLake(dir string, env func(string) (string, bool)) (*Lake, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	for at := abs; ; at = filepath.Dir(at) {
		path := filepath.Join(at, LakeFile)
		_, err := os.Stat(path)
		switch {
		case err == nil:
			return loadLake(path, env)
		case !errors.Is(err, fs.ErrNotExist):
			_, err := readFile(path)
			return nil, err
		case filepath.Dir(at) == at:
			err := fault.Errorf(fault.NotFound, "%s: there is no %s here or above", dir, LakeFile)
			return nil, fault.Hint(err, "gros init makes a lake of a folder")
		}
	}
}

func loadLake(path string, env func(string) (string, bool)) (*Lake, error) {
	text, err := readFile(path)
	if err != nil {
		return nil, err
	}
	root, err := readTree(path, text, Options{Env: env})
	if root == nil {
		return nil, err
	}
	l := &loader{}
	l.add(err)
	lake := &Lake{File: path, Dir: filepath.Dir(path)}
	l.add(setting.Decode(root, lake))
	if err := l.err(); err != nil {
		return nil, err
	}
	return lake, nil
}
