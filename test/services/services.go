// Package services installs, starts and stops the real servers and engines that tests need.
//
// What is installed is kept in $GROS_TEST_CACHE (default: gros-test in the user's cache folder) and is installed once.
// What cannot be had skips the test by name on a user's machine and fails it when CI=true.
package services

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// Missing ends a test that needs something absent: skipped by name, or failed when CI=true.
func Missing(t testing.TB, what string, err error) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf("%s is missing: %v", what, err)
	}
	t.Skipf("SKIPPED for want of %s: %v", what, err)
}

// Cache is the folder in which installed things are kept.
func Cache() (string, error) {
	dir := os.Getenv("GROS_TEST_CACHE")
	if dir == "" {
		base, err := os.UserCacheDir()
		if err != nil {
			return "", err
		}
		dir = filepath.Join(base, "gros-test")
	}
	return dir, os.MkdirAll(dir, 0o755)
}

// once runs install for a folder of the cache unless it was done before, by this process or another, and returns the
// folder. A half-made folder is made again.
func once(name string, install func(dir string) error) (string, error) {
	cache, err := Cache()
	if err != nil {
		return "", err
	}
	lock, err := os.OpenFile(filepath.Join(cache, name+".lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return "", err
	}
	defer lock.Close()
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX); err != nil {
		return "", fmt.Errorf("%s: %w", lock.Name(), err)
	}
	dir, done := filepath.Join(cache, name), filepath.Join(cache, name+".done")
	if _, err := os.Stat(done); err == nil {
		return dir, nil
	}
	if err := os.RemoveAll(dir); err != nil {
		return "", err
	}
	fmt.Fprintf(os.Stderr, "installing %s into %s, once\n", name, cache)
	if err := install(dir); err != nil {
		return "", err
	}
	return dir, os.WriteFile(done, nil, 0o644)
}
