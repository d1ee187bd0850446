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

// maxKeyFile is the maximum size in bytes of a file with a key.
const maxKeyFile = 4 << 10

// givenKey returns the key from the flags or the environment; "" for none.
func (p *program) givenKey(c config.Config, r remote) (string, error) {
	switch {
	case r.key != "":
		return r.key, nil
	case r.keyFile == "-":
		return onlyKey(p.stdin, "standard input")
	case r.keyFile != "":
		return keyIn(r.keyFile)
	case c.APIKeyFile != "":
		return keyIn(c.APIKeyFile)
	}
	return c.APIKey.Reveal(), nil
}

// keyIn reads a key from a file. It returns Invalid when the file does not contain
// exactly one.
func keyIn(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", fault.Wrap(fault.Invalid, err, "the key file cannot be read")
	}
	defer file.Close()
	return onlyKey(file, path)
}

// onlyKey reads a text that contains a key and nothing else.
func onlyKey(in io.Reader, source string) (string, error) {
	data, err := io.ReadAll(io.LimitReader(in, maxKeyFile+1))
	if err != nil {
		return "", fault.Wrap(fault.Invalid, err, "%s cannot be read", source)
	}
	switch key := strings.TrimSpace(string(data)); {
	case key == "":
		return "", fault.Invalidf("%s contains no key", source)
	case len(data) > maxKeyFile || strings.ContainsAny(key, " \t\r\n"):
		return "", fault.Invalidf("%s contains more than a key; it must have one line with the key", source)
	default:
		return key, nil
	}
}

// withKeyFile completes the configuration of a service that has its key in a file.
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

// askKey asks for a key at the terminal, without showing it.
func (p *program) askKey(ctx context.Context, url string) (string, error) {
	fmt.Fprintf(p.stderr, "API key for %s (hidden): ", url)
	line, err := p.hidden(ctx)
	fmt.Fprintln(p.stderr)
	if err != nil {
		return "", err
	}
	if line = strings.TrimSpace(line); line == "" {
		return "", fault.Invalidf("no API key was entered")
	}
	return line, nil
}

// hidden reads a line without showing it on the terminal, and restores the terminal
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
		return "", fault.Wrap(fault.Unavailable, err, "the terminal cannot hide a key; use --key-file")
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
