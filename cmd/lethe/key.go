package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"

	"github.com/lethe-chat/lethe/internal/config"
	"github.com/lethe-chat/lethe/internal/fault"
)

// maxKeyFile is more than a key has, in bytes.
const maxKeyFile = 4 << 10

// givenKey is the key that the flags or the environment name; empty for none.
func (p *program) givenKey(c config.Config, r remote) (string, error) {
	switch {
	case r.key != "":
		return r.key, nil
	case r.keyFile == "-":
		return firstLine(p.stdin, "standard input")
	case r.keyFile != "":
		return keyIn(r.keyFile)
	case c.APIKeyFile != "":
		return keyIn(c.APIKeyFile)
	}
	return c.APIKey.Reveal(), nil
}

// keyIn reads a key from a file. Invalid when that has none.
func keyIn(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", fault.Wrap(fault.Invalid, err, "the file with the key cannot be read")
	}
	defer file.Close()
	return firstLine(file, path)
}

// firstLine is the key in a text that has nothing but a key.
func firstLine(in io.Reader, source string) (string, error) {
	data, err := io.ReadAll(io.LimitReader(in, maxKeyFile+1))
	if err != nil {
		return "", fault.Wrap(fault.Invalid, err, "%s cannot be read", source)
	}
	switch key := strings.TrimSpace(string(data)); {
	case key == "":
		return "", fault.Invalidf("%s has no key in it", source)
	case len(data) > maxKeyFile || strings.ContainsAny(key, " \t\r\n"):
		return "", fault.Invalidf("%s has more than a key in it; give a file with one line, the key", source)
	default:
		return key, nil
	}
}

// withKeyFile is the configuration of a service whose key may be in a file.
func withKeyFile(c config.Config) (config.Config, error) {
	if c.APIKeyFile == "" {
		return c, nil
	}
	key, err := keyIn(c.APIKeyFile)
	if err != nil {
		return c, err
	}
	c.APIKey = config.Secret(key)
	return c, config.CheckKey(c.APIKey, c.APIKeyFile)
}

// askKey asks at the terminal for a key, which is not shown.
func (p *program) askKey(ctx context.Context, url string) (string, error) {
	fmt.Fprintf(p.stderr, "API key for %s (it is not shown): ", url)
	line, err := p.hidden(ctx)
	fmt.Fprintln(p.stderr)
	if err != nil {
		return "", err
	}
	if line = strings.TrimSpace(line); line == "" {
		return "", fault.Invalidf("no API key was given")
	}
	return line, nil
}

// hidden reads a line that the terminal does not show. The terminal is as before
// afterwards, also when the context ends.
func (p *program) hidden(ctx context.Context) (string, error) {
	if p.keyboard == nil {
		line, err := bufio.NewReader(p.stdin).ReadString('\n')
		if errors.Is(err, io.EOF) {
			err = nil
		}
		return line, err
	}
	fd := int(p.keyboard.Fd())
	before, err := term.GetState(fd)
	if err != nil {
		return "", fault.Wrap(fault.Unavailable, err, "the terminal cannot be asked for a key; use --key-file")
	}
	type outcome struct {
		line []byte
		err  error
	}
	read := make(chan outcome, 1)
	go func() {
		line, err := term.ReadPassword(fd)
		read <- outcome{line, err}
	}()
	select {
	case o := <-read:
		return string(o.line), o.err
	case <-ctx.Done():
		return "", errors.Join(context.Cause(ctx), term.Restore(fd, before))
	}
}
