package chat

import (
	"strings"
	"time"

	"golang.org/x/text/unicode/norm"
)

// Merged is what a stored conversation becomes when an upload of it arrives.
type Merged struct {
	Messages []Message // all of them, in their new order and numbering
	Edited   []Message // those that were stored before, in their old place, with new content
	// RewriteFrom is the first position whose message is not the one stored there
	// before: everything from here on is new or has moved. It is len(Messages)
	// when nothing is.
	RewriteFrom int
	Outdated    []Span // what was made from messages whose text is another one now must go
	Added       int    // how many messages are new

	Title     string
	CreatedAt time.Time
	UpdatedAt time.Time
	Pinned    bool
}

// Span is a run of messages in the numbering that was stored before a merge.
type Span struct{ From, To int } // both inclusive

// Changed reports whether any message is new, edited or moved: whether the
// conversation must be indexed again.
func (m Merged) Changed() bool { return len(m.Edited) > 0 || m.RewriteFrom < len(m.Messages) }

// Merge works out what a re-send changes. Messages match by the caller's id where
// both have one, else as two sequences, by sender and text (align.go). A sent
// message that matches none replaces the stored message that it stands for
// (replace.go) or is inserted behind the message that it followed. What the upload
// does not mention stays: messages, titles, dates, and whether a message is hidden
// or on an abandoned branch.
func Merge(stored Transcript, u ValidUpload) Merged {
	m := merger{stored: stored.Turns, sent: u.messages, marked: u.tellsMarks}
	m.pair()
	out := m.combine()
	out.Title, out.CreatedAt, out.UpdatedAt = stored.Title, stored.CreatedAt, stored.UpdatedAt
	out.Pinned = stored.Pinned
	if u.pinned != nil {
		out.Pinned = *u.pinned
	}
	switch {
	case u.titled:
		out.Title = u.title
	case stored.Title == titleOf(stored.Turns): // or words that were edited away would stay in it
		out.Title = titleOf(out.Messages)
	}
	if u.created {
		out.CreatedAt = u.createdAt
	}
	switch {
	case u.updated:
		out.UpdatedAt = u.updatedAt
	case out.Changed() && u.updatedAt.After(stored.UpdatedAt):
		out.UpdatedAt = u.updatedAt
	}
	return out
}

func titleOf(turns []Message) string {
	return derivedTitle(func(yield func(Sender, string) bool) {
		for _, m := range turns {
			if !yield(m.Sender, m.Text) {
				return
			}
		}
	})
}

// NewTranscript is the conversation that a first upload makes. The caller fills in
// what only the store knows.
func NewTranscript(u ValidUpload) Transcript {
	t := Transcript{Conversation: Conversation{
		ID: NewID(), Platform: u.origin.Platform, ExternalID: u.origin.ExternalID, Title: u.title,
		CreatedAt: u.createdAt, UpdatedAt: u.updatedAt, Pinned: u.pinned != nil && *u.pinned, Revision: 1, IndexState: Queued,
	}}
	t.Turns = make([]Message, len(u.messages))
	for i, m := range u.messages {
		t.Turns[i] = m.fresh()
		t.Turns[i].Position = i
	}
	t.Messages = len(t.Turns)
	return t
}

// fresh is the message with an id of its own.
func (m validMessage) fresh() Message {
	m.ID = NewID()
	return m.Message
}

type merger struct {
	stored []Message
	sent   []validMessage
	marked bool
	place  []int // for each sent message the place of the stored one that it is or replaces, or -1
	chain  []pair
}

// pair finds for each sent message the stored one that it is or replaces.
func (m *merger) pair() {
	all := symbols{}
	stored, sent := make([]turn, len(m.stored)), make([]turn, len(m.sent))
	for i, s := range m.stored {
		stored[i] = turn{
			symbol: all.of(s.Sender, s.Text), sender: s.Sender, named: s.ExternalID != "",
			blank: isBlank(s.Text), aside: s.Hidden || s.Branch != "",
		}
	}
	for j, u := range m.sent {
		sent[j] = turn{symbol: all.of(u.Sender, u.Text), sender: u.Sender, named: u.ExternalID != "", blank: isBlank(u.Text)}
	}
	byID := m.sameID()
	r := replacer{
		aligner: newAligner(stored, sent), marked: m.marked, byID: len(byID),
		storedText: func(i int) string { return m.stored[i].Text },
		sentText:   func(j int) string { return m.sent[j].Text },
	}
	r.align(byID)
	r.replace()
	m.place, m.chain = r.toStored, r.chain
}

func isBlank(text string) bool { return strings.TrimSpace(text) == "" }

// sameID pairs the messages that have the same external id on both sides.
func (m *merger) sameID() (pairs []pair) {
	places := make(map[string]int, len(m.stored))
	for i, s := range m.stored {
		if s.ExternalID != "" {
			places[s.ExternalID] = i
		}
	}
	for j, u := range m.sent {
		if u.ExternalID == "" {
			continue
		}
		if at, ok := places[u.ExternalID]; ok {
			pairs = append(pairs, pair{at, j})
		}
	}
	return pairs
}

// insertions tells behind which stored message each new one is inserted, -1 for
// before all: the one that it followed in the upload. New messages before all
// others of the upload go right before those, and new messages behind all others
// go to the end, for there a conversation grows.
func (m *merger) insertions() map[int][]int {
	after := map[int][]int{}
	last, end := -1, -1
	if len(m.chain) > 0 {
		last, end = m.chain[0].stored-1, m.chain[len(m.chain)-1].sent
	}
	next := 0 // of the chain
	for j := range m.sent {
		switch {
		case next < len(m.chain) && m.chain[next].sent == j:
			last = m.chain[next].stored
			next++
		case m.place[j] >= 0: // it has another place in the upload, and keeps its own
		case j > end:
			after[len(m.stored)-1] = append(after[len(m.stored)-1], j)
		default:
			after[last] = append(after[last], j)
		}
	}
	return after
}

// combine makes one list of both: stored messages keep their order.
func (m *merger) combine() Merged {
	sentAt := make([]int, len(m.stored))
	for i := range sentAt {
		sentAt[i] = -1
	}
	for j, at := range m.place {
		if at >= 0 {
			sentAt[at] = j
		}
	}
	after := m.insertions()
	out := Merged{RewriteFrom: -1, Messages: make([]Message, 0, len(m.stored)+len(m.sent))}
	emit := func(msg Message, storedAt int) {
		msg.Position = len(out.Messages)
		if out.RewriteFrom < 0 && storedAt != msg.Position {
			out.RewriteFrom = msg.Position
		}
		out.Messages = append(out.Messages, msg)
	}
	emitNew := func(at int) {
		for _, j := range after[at] {
			emit(m.sent[j].fresh(), -1)
			out.Added++
		}
	}
	emitNew(-1)
	for at, before := range m.stored {
		msg, changed := before, false
		if j := sentAt[at]; j >= 0 {
			msg, changed = m.apply(before, m.sent[j])
		}
		if before.Indexed() && (msg.Text != before.Text || msg.Sender != before.Sender || !msg.Indexed()) {
			out.Outdated = append(out.Outdated, Span{at, m.answerTo(at)})
		}
		emit(msg, at)
		if changed {
			out.Edited = append(out.Edited, out.Messages[len(out.Messages)-1])
		}
		emitNew(at)
	}
	if out.RewriteFrom < 0 {
		out.RewriteFrom = len(out.Messages)
	}
	return out
}

// answerTo is the message after one, as search sees them: an answer's passages
// repeat the question before them.
func (m *merger) answerTo(at int) int {
	for next := at + 1; next < len(m.stored); next++ {
		if s := m.stored[next]; !s.Hidden && (s.Sender == Human || s.Sender == Assistant) {
			return next
		}
	}
	return at
}

// apply returns a stored message with what the upload says of it, and whether that
// changed anything. A text that differs only in how accents are encoded is the
// same; so nothing is indexed again for it.
func (m *merger) apply(stored Message, u validMessage) (msg Message, changed bool) {
	msg = stored
	msg.Sender = u.Sender
	if norm.NFC.String(u.Text) != norm.NFC.String(stored.Text) {
		msg.Text = u.Text
	}
	if m.marked || u.Branch != "" {
		msg.Branch = u.Branch
	}
	if m.marked || u.Hidden {
		msg.Hidden = u.Hidden
	}
	if u.ExternalID != "" {
		msg.ExternalID = u.ExternalID
	}
	if u.dated && !msg.CreatedAt.Equal(u.CreatedAt) {
		msg.CreatedAt = u.CreatedAt
	}
	return msg, msg != stored
}
