package config

import (
	"regexp"
	"slices"
	"strings"

	"github.com/lethe-chat/lethe/internal/spelling"
)

// ignored are names with our prefix that are not settings: those of the tests, and
// those that container platforms create for a service called "lethe" or
// "lethe-something".
var (
	testVariable    = regexp.MustCompile(`^LETHE_TEST_`)
	serviceVariable = regexp.MustCompile(`^LETHE_(\w+_)?(SERVICE_(HOST|PORT(_\w+)?)|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)$`)
	portVariable    = regexp.MustCompile(`^LETHE_(\w+_)?PORT$`)
	portValue       = regexp.MustCompile(`^(tcp|udp|sctp)://`)
)

func ignored(name, value string) bool {
	return testVariable.MatchString(name) || serviceVariable.MatchString(name) ||
		(portVariable.MatchString(name) && portValue.MatchString(value))
}

// checkNames reports unknown variables with our prefix: a misspelt setting would
// otherwise have no effect and nobody would notice.
func (l *loader) checkNames() {
	var unknown []string
	for name, value := range l.values {
		if _, known := variable(name); !known && strings.HasPrefix(name, prefix) && !ignored(name, value) {
			unknown = append(unknown, name)
		}
	}
	slices.Sort(unknown)
	for _, name := range unknown {
		if near, ok := nearest(name); ok {
			l.problem(name, "there is no such setting; did you mean %s?", near)
			continue
		}
		l.problem(name, "there is no such setting; remove it")
	}
}

// nearest returns the known variable with the most similar name.
func nearest(name string) (string, bool) {
	var known []string
	for _, v := range Variables() {
		known = append(known, strings.TrimPrefix(v.Name, prefix))
	}
	near, ok := spelling.Nearest(strings.TrimPrefix(name, prefix), known)
	return prefix + near, ok
}
