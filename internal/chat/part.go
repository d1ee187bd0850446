package chat

import "iter"

// Part is a message, or a piece of the text of a long message. Long texts are read and written in pieces, so that a
// whole one is never in memory. Text is the piece. The other fields are those of the whole message; a piece from the
// middle of a text has only the position. Pieces come in order and end between characters.
type Part struct {
	Message
	Offset int // bytes of the message's text before this piece
	Size   int // bytes of the message's whole text
}

// Begins reports whether this is the first piece of its message.
func (p Part) Begins() bool { return p.Offset == 0 }

// Ends reports whether this is the last piece of its message.
func (p Part) Ends() bool { return p.Offset+len(p.Text) == p.Size }

// PartAt is a place between two parts of a conversation: before byte Offset in the text
// of the message at Position.
type PartAt struct{ Position, Offset int }

// After returns the place after the part.
func (p Part) After() PartAt {
	if p.Ends() {
		return PartAt{Position: p.Position + 1}
	}
	return PartAt{Position: p.Position, Offset: p.Offset + len(p.Text)}
}

// Parts yields messages that are already in memory, each as one part. The error is
// always nil.
func Parts(messages []Message) iter.Seq2[Part, error] {
	return func(yield func(Part, error) bool) {
		for _, m := range messages {
			if !yield(Part{Message: m, Size: len(m.Text)}, nil) {
				return
			}
		}
	}
}
