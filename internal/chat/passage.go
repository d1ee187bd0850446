package chat

import "time"

// Passage is what search finds and quotes: stretches of the messages of one
// conversation. Package chunker cuts conversations into passages and writes them out.
type Passage struct {
	Title string // of the conversation, when the passage begins with it; else empty
	Parts []Excerpt
}

// Excerpt is a stretch of a message in a passage.
type Excerpt struct {
	MessageID MessageID
	Position  int // of the message in its conversation
	Sender    Sender
	CreatedAt time.Time
	Start     int // where the stretch begins in the message's text, in bytes
	End       int // where it ends, exclusive
	Text      string

	// Repeated marks the question that the passage answers, which is repeated from the passage before.
	Repeated bool
}

// Span returns the positions of the first and the last message of the passage, not
// counting a repeated question. Both are 0 when there is none.
func (p Passage) Span() Span {
	own := p.Own()
	if len(own) == 0 {
		return Span{}
	}
	return Span{From: own[0].Position, To: own[len(own)-1].Position}
}

// Own returns the parts without a repeated question.
func (p Passage) Own() []Excerpt {
	for i, part := range p.Parts {
		if !part.Repeated {
			return p.Parts[i:]
		}
	}
	return nil
}
