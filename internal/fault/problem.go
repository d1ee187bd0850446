package fault

import (
	"fmt"
	"strconv"
	"strings"
)

// Field is what the domain calls a value that a rule is about, in plain words, such
// as "display name". What a caller calls it is the transport's business.
type Field string

// Path says where a value lies in what was asked for. The zero Path is the request
// as a whole.
type Path struct{ steps []step }

// step is a field, or a position in a list when the field is empty.
type step struct {
	field Field
	index int
}

// At is the path of a field of the request.
func At(f Field) Path { return Path{}.Field(f) }

// Field is the path of a field of the value.
func (p Path) Field(f Field) Path { return p.with(step{field: f}) }

// Item is the path of an item of the list, from 0.
func (p Path) Item(i int) Path { return p.with(step{index: i}) }

func (p Path) with(s step) Path {
	return Path{steps: append(p.steps[:len(p.steps):len(p.steps)], s)}
}

// Names are a transport's words for the domain's fields. A key is a path without
// positions, its fields joined by dots: "messages.role". A field that has no name is
// called as the domain calls it.
type Names map[string]string

// in is the path in a transport's words: conversation.messages[3].role.
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

// Problem is a rule that a request breaks, and where.
type Problem struct {
	At   Path   // of what breaks it
	Rule string // what is wrong, as it follows the value's name: "must be before %s"
	Args []any  // of the Rule; a Path among them is another value, which the transport names
}

// Broken says which rule the value at a path breaks.
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

// maxProblems is how many problems an error lists; the rest are counted.
const maxProblems = 20

// Problems collects what is wrong with one request. The zero value is none.
type Problems struct {
	listed []Problem
	more   int
}

// Add notes a problem.
func (p *Problems) Add(at Path, rule string, args ...any) {
	if len(p.listed) == maxProblems {
		p.more++
		return
	}
	p.listed = append(p.listed, Broken(at, rule, args...))
}

// Err is nil when there is no problem, else an Invalid fault with all of them. Worded
// says them in a transport's words; its Message has the domain's.
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

// Missing returns a NotFound fault for a thing of the workspace, such as
// "conversation". What MissingThing returns lets a transport use its own sentence.
func Missing(thing string) error {
	return &Error{Kind: NotFound, Message: "there is no such " + thing, missing: thing}
}
