package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/lethe-chat/lethe/internal/fault"
)

// confirm asks a person whether to delete, and offers to write the conversations
// to a file first. It returns the file's name, empty for none. Where nobody can
// be asked it goes on when the call said exactly what to delete (named), and
// refuses otherwise.
func (p *program) confirm(conversations int, export string, named bool) (string, error) {
	if !p.terminal {
		if named {
			return export, nil
		}
		return "", fault.Invalidf("%s: say --yes to delete", counted(conversations, "%d conversation is selected", "%d conversations are selected"))
	}
	in := bufio.NewReader(p.stdin)
	what := counted(conversations, "%d conversation", "%d conversations")
	fmt.Fprintf(p.stderr, "This deletes %s for good. There is no undo.\n", what)
	if export == "" {
		var err error
		if export, err = p.askFile(in); err != nil {
			return "", err
		}
	}
	fmt.Fprintf(p.stderr, "Delete %s? [y/N] ", what)
	said, err := answer(in)
	if err != nil {
		return "", err
	}
	switch strings.ToLower(said) {
	case "y", "yes":
		return export, nil
	}
	return "", errNotConfirmed
}

// askFile asks for the name of a file to keep a copy in; empty for none. An answer
// like "y" or "no", which was meant for another question, is no name.
func (p *program) askFile(in *bufio.Reader) (string, error) {
	for {
		fmt.Fprint(p.stderr, "To keep a copy, type a file name such as copy.jsonl; press Enter to keep none: ")
		name, err := answer(in)
		if err != nil || name == "" || strings.ContainsAny(name, `./\`) {
			return name, err
		}
		fmt.Fprintf(p.stderr, "%q is not taken as a file name, because it has no dot. ", name)
	}
}

// answer reads a line. An end of the input is no answer, and so is a no.
func answer(in *bufio.Reader) (string, error) {
	line, err := in.ReadString('\n')
	switch {
	case errors.Is(err, io.EOF):
		return "", errNotConfirmed
	case err != nil:
		return "", err
	}
	return strings.TrimSpace(line), nil
}

func counted(n int, one, many string) string {
	if n == 1 {
		return fmt.Sprintf(one, n)
	}
	return fmt.Sprintf(many, n)
}

var errNotConfirmed = fault.Invalidf("nothing was deleted")
