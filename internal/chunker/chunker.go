// Package chunker cuts a conversation into the passages that search indexes and
// shows. It is pure and deterministic. It owns the size and the look of a
// passage; it neither embeds nor stores one.
package chunker

import (
	"unicode/utf8"

	"github.com/lethe-chat/lethe/internal/chat"
)

// The size of a chunk. Words are counted by the texts alone, without the dates
// and senders that a chunk adds: Chinese and Japanese characters count 0.6 words,
// Thai, Lao, Khmer and Burmese ones 0.2, and a very long word counts as several.
const (
	MinWords = 80   // from here on a chunk ends with its message
	MaxWords = 160  // no chunk has more
	MaxRunes = 1500 // nor more than these, dates and senders included
)

const (
	maxTitleRunes    = 100  // of the title in the first chunk
	maxPieceRunes    = 1200 // of an unbreakable piece: leaves room for title, date and sender
	maxQuestionWords = 25   // a question up to here is kept with its answer
	maxQuestionRunes = 250
	dateRunes        = len("[2006-01-02] ")
	labelRunes       = len("Assistant: ") + len("\n")
)

// Chunk is one passage of a conversation, and where it stands there.
type Chunk struct {
	chat.Passage
	Text     string // the passage as Render writes it
	First    int    // position of the first message that it holds text of
	Last     int    // position of the last one, inclusive
	Position int    // 0-based, without gaps
}

// Split cuts a conversation into chunks. Only indexed messages take part, and
// every word of theirs is in a chunk whose span holds the message. Blobs (package
// text) are in none.
//
// A chunk begins with the day of its first message; the first one has the title
// beside it. It ends with a message once it has MinWords, and a short question
// does not count as an end when an answer follows. A message that does not fit is
// cut between sentences into even parts, code blocks are kept whole when they fit,
// and only what has no such borders is cut between words or characters. A chunk that begins
// within an answer repeats the short question before it, which its span leaves
// out; nothing else is repeated.
//
// Chunks depend on what precedes them, so that appending messages changes none
// but the last. Split takes time in proportion to the length of the texts.
func Split(title string, turns []chat.Message) []Chunk {
	s := NewSplitter(title)
	var chunks []Chunk
	for _, m := range turns {
		chunks = append(chunks, s.Add(m)...)
	}
	return append(chunks, s.End()...)
}

// Splitter is Split for conversations of any length: messages come one after the
// other, and it keeps no more of them than the chunk at hand needs.
type Splitter struct{ packer packer }

// NewSplitter returns a Splitter for a conversation with a title.
func NewSplitter(title string) *Splitter {
	s := &Splitter{packer{title: heading(title)}}
	s.packer.reset()
	return s
}

// Add takes the next message and returns the chunks that are complete by now.
func (s *Splitter) Add(m chat.Message) []Chunk {
	if m.Indexed() {
		s.packer.add(&m)
	}
	return s.packer.take()
}

// End returns the last chunk, if there is one.
func (s *Splitter) End() []Chunk {
	s.packer.flush()
	return s.packer.take()
}

// segment is a part of a message in the chunk that is being packed.
type segment struct {
	message    *chat.Message
	start, end int // bytes of its text
}

// packer fills one chunk after the other.
type packer struct {
	title    string
	chunks   []Chunk // complete, and not taken yet
	complete int     // how many chunks there were before them
	segments []segment
	weight   int // of the segments and the question, in tenths of a word
	runes    int // the most that the chunk's text can have so far

	question *chat.Message // the short question that the next message may answer
	answered *chat.Message // the one that the message being packed answers
	repeated *chat.Message // the one that this chunk begins with and does not span
}

func (p *packer) reset() {
	p.segments, p.repeated = p.segments[:0], nil
	p.weight, p.runes = 0, dateRunes+labelRunes
	if p.first() {
		p.runes += utf8.RuneCountInString(p.title)
	}
}

// first reports whether the chunk at hand is the conversation's first.
func (p *packer) first() bool { return p.complete+len(p.chunks) == 0 }

func (p *packer) take() []Chunk {
	chunks := p.chunks
	p.complete, p.chunks = p.complete+len(chunks), nil
	return chunks
}

func (p *packer) add(m *chat.Message) {
	p.answered = nil
	if m.Sender == chat.Assistant {
		p.answered = p.question
	}
	if p.weight >= MinWords*wordWeight && p.answered == nil {
		p.flush()
	}
	pieces := cutMessage(m.Text)
	weight, runes := sum(pieces)
	p.pack(m, pieces, weight)
	p.question = nil
	// A question that has a blob is not repeated: it is repeated as it stands.
	whole := bytesOf(pieces) == len(m.Text)
	if m.Sender == chat.Human && whole && weight > 0 && weight <= maxQuestionWords*wordWeight && runes <= maxQuestionRunes {
		p.question = m
	}
}

func bytesOf(pieces []piece) (n int) {
	for _, next := range pieces {
		n += next.end - next.start
	}
	return n
}

func sum(pieces []piece) (weight, runes int) {
	for _, next := range pieces {
		weight += next.weight
		runes += next.runes
	}
	return weight, runes
}

// pack places a message's pieces, which weigh so much together, in this chunk
// and as many more as it takes.
func (p *packer) pack(m *chat.Message, pieces []piece, weight int) {
	goal := p.goal(weight)
	for _, next := range pieces {
		if next.weight == 0 {
			p.blank(m, next)
			continue
		}
		if len(p.segments) > 0 && (p.weight >= goal || !p.fits(m, next)) {
			p.flush()
			goal = p.goal(weight)
		}
		p.place(m, next)
		weight -= next.weight
	}
}

// goal is the weight at which this chunk should end when so much of a message is
// left, so that its chunks come out even and no scrap is left for the last.
func (p *packer) goal(left int) int {
	const most = MaxWords * wordWeight
	question := 0
	if p.answered != nil {
		question, _ = measure(p.answered.Text)
	}
	total := p.weight + left
	if len(p.segments) == 0 {
		total += question
	}
	if total <= most {
		return most
	}
	each := most - question
	more := (total - most + each - 1) / each
	return (total + more*question) / (more + 1)
}

// place puts a piece into the chunk.
func (p *packer) place(m *chat.Message, next piece) {
	if len(p.segments) == 0 {
		p.repeat(next)
	}
	p.weight += next.weight
	p.runes += p.cost(m, next)
	if p.follows(m, next) {
		p.segments[len(p.segments)-1].end = next.end
		return
	}
	p.segments = append(p.segments, segment{m, next.start, next.end})
}

// blank keeps the empty lines between two pieces, but not masses of them.
func (p *packer) blank(m *chat.Message, next piece) {
	const most = 16
	if next.runes <= most && p.follows(m, next) && p.fits(m, next) {
		p.place(m, next)
	}
}

// follows reports whether a piece goes on where the chunk ends so far.
func (p *packer) follows(m *chat.Message, next piece) bool {
	n := len(p.segments)
	return n > 0 && p.segments[n-1].message == m && p.segments[n-1].end == next.start
}

// repeat begins a chunk with the question that its first piece answers.
func (p *packer) repeat(first piece) {
	if p.answered == nil {
		return
	}
	weight, runes := measure(p.answered.Text)
	runes += labelRunes + dateRunes
	if p.weight+weight+first.weight > MaxWords*wordWeight || p.runes+runes+first.runes > MaxRunes {
		return
	}
	p.repeated = p.answered
	p.weight += weight
	p.runes += runes
}

func (p *packer) fits(m *chat.Message, next piece) bool {
	return p.weight+next.weight <= MaxWords*wordWeight && p.runes+p.cost(m, next) <= MaxRunes
}

// cost is how many runes a piece adds to the chunk's text at most.
func (p *packer) cost(m *chat.Message, next piece) int {
	if n := len(p.segments); n > 0 && p.segments[n-1].message == m {
		return next.runes + len("\n")
	}
	return next.runes + labelRunes + dateRunes
}

func (p *packer) flush() {
	if len(p.segments) == 0 {
		return
	}
	passage := chat.Passage{Parts: p.parts()}
	if p.first() {
		passage.Title = p.title
	}
	p.chunks = append(p.chunks, Chunk{
		Passage:  passage,
		Text:     Render(passage),
		First:    p.segments[0].message.Position,
		Last:     p.segments[len(p.segments)-1].message.Position,
		Position: p.complete + len(p.chunks),
	})
	p.reset()
}

// parts are the repeated question and the segments.
func (p *packer) parts() []chat.Excerpt {
	parts := make([]chat.Excerpt, 0, len(p.segments)+1)
	if p.repeated != nil {
		question := excerpt(p.repeated, 0, len(p.repeated.Text))
		question.Repeated = true
		parts = append(parts, question)
	}
	for _, s := range p.segments {
		parts = append(parts, excerpt(s.message, s.start, s.end))
	}
	return parts
}

func excerpt(m *chat.Message, start, end int) chat.Excerpt {
	return chat.Excerpt{
		MessageID: m.ID, Position: m.Position, Sender: m.Sender, CreatedAt: m.CreatedAt,
		Start: start, End: end, Text: m.Text[start:end],
	}
}
