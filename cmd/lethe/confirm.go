package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/lethe-chat/lethe/internal/fault"
)

// confirm asks whether to delete, and offers to write the conversations to a file first. It returns the name of the
// file, or "". Without a terminal it agrees if the command named exactly what to delete, and refuses otherwise.
func (p *program) confirm(what, export string, named bool) (string, error) {
	if !p.terminal {
		if named {
			return export, nil
		}
		return "", fault.Invalidf("this would delete %s; add --yes to do so", what)
	}
	in := bufio.NewReader(p.stdin)
	p.note("This deletes %s. There is no undo.", what)
	if export == "" {
		var err error
		if export, err = p.askFile(in); err != nil {
			return "", err
		}
	}
	return export, p.agree(in, "Delete "+what+"?")
}

// agree asks a question and returns an error unless the answer is yes.
func (p *program) agree(in *bufio.Reader, question string) error {
	fmt.Fprint(p.stderr, question+" [y/N] ")
	said, err := answer(in)
	if err != nil {
		return err
	}
	switch strings.ToLower(said) {
	case "y", "yes":
		return nil
	}
	return errNotConfirmed
}

// askFile asks for the name of a file for a copy; "" for none. A name must have a dot or a slash, so that an answer
// such as "y" or "no" does not become a file.
func (p *program) askFile(in *bufio.Reader) (string, error) {
	for {
		fmt.Fprint(p.stderr, "File for a copy, such as copy.jsonl (Enter for no copy): ")
		name, err := answer(in)
		if err != nil || name == "" || strings.ContainsAny(name, `./\`) {
			return name, err
		}
		p.note("%q is not a file name with an extension.", name)
	}
}

// answer reads a line. The end of the input counts as a no.
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

var errNotConfirmed = fault.Invalidf("nothing was deleted")
