package librechat

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/lethe-chat/lethe/internal/exports/elements"
)

// Errors of the structure of a file.
var (
	errCut       = errors.New("the file ends in the middle of the conversation; what stands before its end was read")
	errStructure = errors.New("the file is not valid JSON; what stands before the damage was read")
	errTooLarge  = fmt.Errorf("the conversation is larger than %d MB", elements.MaxBytes>>20)
)

// object is a conversation or a message without the messages below it.
type object struct {
	json  []byte // "{" and the fields, each followed by a comma
	above int    // number of the message that has this one in its `children`; -1 for none
}

// value returns the object as JSON.
func (o object) value() jsontext.Value {
	if len(o.json) == 1 {
		return jsontext.Value("{}")
	}
	return jsontext.Value(append(o.json[:len(o.json)-1:len(o.json)-1], '}'))
}

// conversation is a conversation with its messages in the order of the file.
type conversation struct {
	about    object
	messages []object
}

// flattener reads conversations whose messages are nested in each other, as deep as the
// conversation is long. JSON decoders refuse such depths or use a stack frame for each, so it
// follows the nesting with a stack of its own, and cuts out each message for decoding.
type flattener struct {
	ctx  context.Context
	in   *bufio.Reader
	max  int // bytes of a conversation
	size int

	found conversation
	open  []frame
}

// frame is an open object, or an open array of messages.
type frame struct {
	array   bool
	message int // number of the message; -1 for the conversation; in an array, of the one that has it
}

// each calls fn for every conversation of a file. An error of the structure ends the reading, after fn was called for
// the conversations before it.
func (f *flattener) each(fn func(conversation) error) error {
	c, err := f.next()
	if errors.Is(err, io.EOF) {
		return nil
	}
	list := err == nil && c == '['
	for err == nil {
		if list || c == ',' {
			c, err = f.next()
		}
		switch {
		case err != nil:
		case c == '{':
			if err = f.conversation(); !errors.Is(err, errTooLarge) && f.ctx.Err() == nil {
				if stopped := fn(f.found); stopped != nil {
					return stopped
				}
			}
			f.found, f.open = conversation{}, nil
			if err == nil {
				c, err = f.next()
			}
			list = list && err == nil && c == ','
		case c == ']' || c == ',':
			c, err = f.next()
		default:
			err = errStructure
		}
	}
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// conversation reads a conversation whose `{` was read.
func (f *flattener) conversation() error {
	f.size = 0
	f.found.about = object{json: []byte("{"), above: -1}
	f.open = []frame{{message: -1}}
	for len(f.open) > 0 {
		if err := f.ctx.Err(); err != nil {
			return context.Cause(f.ctx)
		}
		c, err := f.next()
		if err != nil {
			return cut(err)
		}
		top := f.open[len(f.open)-1]
		switch {
		case c == ',':
		case top.array && c == ']', !top.array && c == '}':
			f.open = f.open[:len(f.open)-1]
		case top.array && c == '{':
			f.found.messages = append(f.found.messages, object{json: []byte("{"), above: top.message})
			f.open = append(f.open, frame{message: len(f.found.messages) - 1})
		case top.array && c == '}':
			return errStructure
		case top.array: // not a message
			if err := f.in.UnreadByte(); err != nil {
				return err
			}
			if _, err := f.value(nil); err != nil {
				return err
			}
		case c == '"':
			if err := f.field(top); err != nil {
				return err
			}
		default:
			return errStructure
		}
	}
	return nil
}

// field reads a field of an object; the quote before its name was read. It enters an array
// of messages, and keeps any other value.
func (f *flattener) field(top frame) error {
	name, err := f.text([]byte{'"'})
	if err != nil {
		return err
	}
	colon, err := f.next()
	if err != nil {
		return cut(err)
	}
	first, err := f.next()
	if err != nil {
		return cut(err)
	}
	if colon != ':' {
		return errStructure
	}
	below := string(name) == `"children"` && top.message >= 0 || top.message < 0 && (string(name) == `"messagesTree"` || string(name) == `"messages"`)
	if below && first == '[' {
		f.open = append(f.open, frame{array: true, message: top.message})
		return nil
	}
	if err := f.in.UnreadByte(); err != nil {
		return err
	}
	o := &f.found.about
	if top.message >= 0 {
		o = &f.found.messages[top.message]
	}
	kept := len(o.json)
	o.json = append(append(o.json, name...), ':')
	whole, err := f.value(o.json)
	if err != nil {
		o.json = o.json[:kept] // a field that was cut off is not JSON
		return err
	}
	o.json = append(whole, ',')
	return nil
}

// value appends the next value to b, whatever its depth.
func (f *flattener) value(b []byte) ([]byte, error) {
	depth := 0
	for {
		c, err := f.in.ReadByte()
		if err != nil {
			return b, cut(err)
		}
		if depth == 0 && (c == ',' || c == '}' || c == ']') { // the end of a number or literal
			return b, f.in.UnreadByte()
		}
		if err := f.grow(1); err != nil {
			return b, err
		}
		b = append(b, c)
		switch c {
		case '"':
			if b, err = f.text(b); err != nil {
				return b, err
			}
		case '{', '[':
			depth++
			continue
		case '}', ']':
			depth--
		default:
			continue
		}
		if depth == 0 {
			return b, nil
		}
	}
}

// text appends the rest of a string whose quote was read.
func (f *flattener) text(b []byte) ([]byte, error) {
	for {
		part, err := f.in.ReadSlice('"')
		if grown := f.grow(len(part)); grown != nil {
			return b, grown
		}
		b = append(b, part...)
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case err != nil:
			return b, cut(err)
		case !escaped(b):
			return b, nil
		}
	}
}

// escaped reports whether the quote at the end of b has an odd number of backslashes before
// it. The quote that begins the string has none.
func escaped(b []byte) bool {
	n := 0
	for i := len(b) - 2; i >= 0 && b[i] == '\\'; i-- {
		n++
	}
	return n%2 == 1
}

func (f *flattener) grow(n int) error {
	if f.size += n; f.size > f.max {
		return errTooLarge
	}
	return nil
}

// next returns the next byte that is not white space.
func (f *flattener) next() (byte, error) {
	for {
		c, err := f.in.ReadByte()
		if err != nil {
			return 0, err
		}
		switch c {
		case ' ', '\t', '\r', '\n':
			continue
		}
		return c, nil
	}
}

func cut(err error) error {
	if errors.Is(err, io.EOF) {
		return errCut
	}
	return err
}
