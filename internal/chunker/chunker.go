// Package chunker cuts a conversation into the passages that search indexes and shows. It is pure and deterministic.
// It defines the size and the layout of a passage. It does not embed or store passages.
package chunker

import (
	"unicode/utf8"

	"github.com/lethe-chat/lethe/internal/chat"
)

// The limits of a chunk. Only the words of the texts count, not the dates and senders that a chunk adds. A Chinese or
// Japanese character counts as 0.6 words, a Thai, Lao, Khmer or Burmese one as 0.2, and a very long word counts as
// several.
const (
	MinWords = 80   // a chunk with this many words ends at the end of its message
	MaxWords = 160  // maximum
	MaxRunes = 1500 // maximum, including dates and senders
)

const (
	maxTitleRunes    = 100  // of the title in the first chunk
	maxPieceRunes    = 1200 // of a piece that cannot be split: leaves room for title, date and sender
	maxQuestionWords = 25   // longest question that is kept with its answer
	maxQuestionRunes = 250
	dateRunes        = len("[2006-01-02] ")
	labelRunes       = len("Assistant: ") + len("\n")
)

// Chunk is one passage of a conversation and its place there.
type Chunk struct {
	chat.Passage
	Text     string // the passage as Render writes it
	First    int    // position of the first message with text in the chunk
	Last     int    // position of the last such message, inclusive
	Position int    // 0-based, without gaps
}

// Split cuts a conversation into chunks. It takes only the messages that are indexed. Every word of them is in a
// chunk whose First and Last include the message, except for blobs (package text), which are in no chunk.
//
// A chunk begins with the day of its first message; the first chunk has the title on the same line. A chunk ends at
// the end of a message once it has MinWords, but not after a short question that an answer follows. A message that is
// too long for one chunk is cut between sentences into parts of similar size. Code blocks that fit are not cut. Only
// text without such borders is cut between words or characters. A chunk that begins inside an answer repeats the
// short question before it; First and Last do not include that question. Nothing else is repeated.
//
// A chunk depends only on the text before its end, so appending messages changes no chunk but the last. Split takes
// time in proportion to the length of the texts.
func Split(title string, turns []chat.Message) []Chunk {
	s := NewSplitter(title)
	var chunks []Chunk
	for _, m := range turns {
		chunks = append(chunks, s.Add(m)...)
	}
	return append(chunks, s.End()...)
}

// Splitter is Split for conversations of any length: it takes one message after the other and keeps only the messages
// that the current chunk needs.
type Splitter struct{ packer packer }

// NewSplitter returns a Splitter for a conversation with this title.
func NewSplitter(title string) *Splitter {
	s := &Splitter{packer{title: heading(title)}}
	s.packer.reset()
	return s
}

// Add takes the next message and returns the chunks that are complete now.
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

// segment is the part of one message that goes into the current chunk.
type segment struct {
	message    *chat.Message
	start, end int // bytes of its text
}

// packer fills one chunk after the other.
type packer struct {
	title    string
	chunks   []Chunk // complete, but not taken yet
	complete int     // number of chunks that were taken before them
	segments []segment
	weight   int // of the segments and the repeated question, in tenths of a word
	runes    int // upper bound of the length of the chunk's text so far

	question *chat.Message // a short question that the next message may answer
	answered *chat.Message // the question that the message being packed answers
	repeated *chat.Message // the question at the beginning of this chunk, outside of First and Last
}

func (p *packer) reset() {
	p.segments, p.repeated = p.segments[:0], nil
	p.weight, p.runes = 0, dateRunes+labelRunes
	if p.first() {
		p.runes += utf8.RuneCountInString(p.title)
	}
}

// first reports whether the current chunk is the first of the conversation.
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
	// Only a whole message can be repeated, so a question with a blob is not.
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

// pack places the pieces of a message in the current chunk and in as many more as it needs. weight is their sum.
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

// goal returns the weight at which the current chunk should end if a message has this much left, so that its chunks
// have similar sizes and the last one is not tiny.
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

// blank keeps empty lines between two pieces, up to a limit.
func (p *packer) blank(m *chat.Message, next piece) {
	const most = 16
	if next.runes <= most && p.follows(m, next) && p.fits(m, next) {
		p.place(m, next)
	}
}

// follows reports whether a piece begins where the last segment ends.
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

// cost returns the maximum number of runes that a piece adds to the text of the chunk.
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

// parts returns the repeated question and the segments.
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
