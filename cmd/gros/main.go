// Command gros turns streams, change feeds and files into a versioned data lake.
package main

import (
	"os"

	"github.com/gros-lake/gros/internal/cli"
)

func main() { os.Exit(cli.Main(os.Args[1:])) }
