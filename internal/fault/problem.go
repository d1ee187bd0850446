package fault

import (
	"fmt"
	"strconv"
	"strings"
)

// Field is the domain's name for a value that a rule is about, in plain words, such as
// "display name". The transport decides what callers call it.
type Field string

// Path says where a value is in a request. The zero Path is the request as a whole.
type Path struct{ steps []step }

// step is a field, or a position in a list when the field is empty.
type step struct {
	field Field
	index int
}

// At returns the path of a field of the request.
func At(f Field) Path { return Path{}.Field(f) }

// Field returns the path of a field of the value.
func (p Path) Field(f Field) Path { return p.with(step{field: f}) }

// Item returns the path of an item of the list, counted from 0.
func (p Path) Item(i int) Path { return p.with(step{index: i}) }

func (p Path) with(s step) Path {
	return Path{steps: append(p.steps[:len(p.steps):len(p.steps)], s)}
}

// Names are a transport's names for the domain's fields. A key is a path without
// positions, with its fields joined by dots: "messages.role". A field without an entry keeps
// the domain's name.
type Names map[string]string

// in returns the path with a transport's names, such as conversation.messages[3].role.
func (n Names) in(p Path) string {
	var said strings.Builder
	key := ""
	for _, s := range p.steps {
		if s.field == "" {
			said.WriteString("[" + strconv.Itoa(s.index) + "]")
			continue
		}
		if key != "" {
			key += "."
			said.WriteByte('.')
		}
		key += string(s.field)
		if name, ok := n[key]; ok {
			said.WriteString(name)
		} else {
			said.WriteString(string(s.field))
		}
	}
	return said.String()
}

// Problem is a rule that a request breaks, and the place.
type Problem struct {
	At   Path   // of the value that breaks the rule
	Rule string // what is wrong, as it follows the value's name: "must be before %s"
	Args []any  // of the Rule; a Path argument is shown with the transport's name
}

// Broken returns the problem that the value at a path breaks a rule.
func Broken(at Path, rule string, args ...any) Problem {
	return Problem{At: at, Rule: rule, Args: args}
}

func (p Problem) in(names Names) string {
	args := make([]any, len(p.Args))
	for i, arg := range p.Args {
		if path, ok := arg.(Path); ok {
			arg = names.in(path)
		}
		args[i] = arg
	}
	return strings.TrimPrefix(names.in(p.At)+" "+fmt.Sprintf(p.Rule, args...), " ")
}

// maxProblems is how many problems an error lists. Further ones are only counted.
const maxProblems = 20

// Problems collects what is wrong with one request. The zero value is empty.
type Problems struct {
	listed []Problem
	more   int
}

// Add adds a problem.
func (p *Problems) Add(at Path, rule string, args ...any) {
	if len(p.listed) == maxProblems {
		p.more++
		return
	}
	p.listed = append(p.listed, Broken(at, rule, args...))
}

// Full reports whether further problems are only counted. Then a caller does not
// need to work out what to say of them.
func (p *Problems) Full() bool { return len(p.listed) == maxProblems }

// Err returns nil when there is no problem, otherwise an Invalid fault with all problems.
// Its Message uses the domain's names; Worded returns it with a transport's names.
func (p *Problems) Err() error {
	if len(p.listed) == 0 {
		return nil
	}
	return &Error{Kind: Invalid, Message: p.in(nil), problems: p}
}

func (p *Problems) in(names Names) string {
	said := make([]string, len(p.listed))
	for i, problem := range p.listed {
		said[i] = problem.in(names)
	}
	if p.more > 0 {
		said = append(said, fmt.Sprintf("and %d more", p.more))
	}
	return strings.Join(said, "; ")
}

// Breaks returns an Invalid fault with one problem.
func Breaks(at Path, rule string, args ...any) error {
	var p Problems
	p.Add(at, rule, args...)
	return p.Err()
}

// Missing returns a NotFound fault for a thing of the workspace, such as "conversation".
// A transport can use MissingThing to word its own sentence.
func Missing(thing string) error {
	return &Error{Kind: NotFound, Message: "there is no such " + thing, missing: thing}
}
