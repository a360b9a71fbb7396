// Command gros turns streams of rows and files into folders of partitioned Parquet, exactly once.
package main

import (
	"os"

	"github.com/gros-lake/gros/internal/cli"
)

func main() { os.Exit(cli.Main(os.Args[1:])) }
