package main

import (
	"bufio"
	"fmt"
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
		return "", fault.Invalidf("%d conversations are selected: say --yes to delete them", conversations)
	}
	in := bufio.NewReader(p.stdin)
	if export == "" {
		fmt.Fprintf(p.stderr, "There is no undo. To keep a copy of the %d conversations, name a file to write first\n(empty: keep none): ", conversations)
		name, err := in.ReadString('\n')
		if err != nil {
			return "", errNotConfirmed
		}
		export = strings.TrimSpace(name)
	}
	fmt.Fprintf(p.stderr, "Delete %d conversations for good? [y/N] ", conversations)
	said, _ := in.ReadString('\n') // without an answer it is no
	switch strings.ToLower(strings.TrimSpace(said)) {
	case "y", "yes":
		return export, nil
	}
	return "", errNotConfirmed
}

var errNotConfirmed = fault.Invalidf("nothing was deleted")
