package chat

import "time"

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

// Merge works out what a re-send changes. Messages match by the caller's id.
// Those without one are lined up by content: where the first of them stands in
// the stored conversation is where the re-send begins, and from there they match
// position by position: a whole re-send with an edited answer replaces that
// answer, and a re-sent tail lands where it was.
// What the upload does not mention is kept, and new messages follow the message
// that they followed in the upload. A title or date that the upload does not
// give stays as it is. The upload must be normalized.
func Merge(stored Transcript, u Upload) Merged {
	m := merger{stored: stored.Turns, matched: make([]int, len(stored.Turns))}
	for i := range m.matched {
		m.matched[i] = -1
	}
	m.matchByID(u.Messages)
	m.matchByPlace(u.Messages)
	out := m.combine(u.Messages)
	out.Title, out.CreatedAt, out.UpdatedAt = stored.Title, stored.CreatedAt, stored.UpdatedAt
	out.Pinned = stored.Pinned
	if u.Pinned != nil {
		out.Pinned = *u.Pinned
	}
	switch {
	case u.given.title:
		out.Title = u.Title
	case stored.Title == titleOf(stored.Turns): // or words that were edited away would stay in it
		out.Title = titleOf(out.Messages)
	}
	if u.given.createdAt {
		out.CreatedAt = u.CreatedAt
	}
	switch {
	case u.given.updatedAt:
		out.UpdatedAt = u.UpdatedAt
	case out.Changed() && u.UpdatedAt.After(stored.UpdatedAt):
		out.UpdatedAt = u.UpdatedAt
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

// NewTranscript is the conversation that a first upload makes. The upload must
// be normalized; the caller fills in what only the store knows.
func NewTranscript(u Upload) Transcript {
	t := Transcript{Conversation: Conversation{
		ID: NewID(), Platform: u.Platform, ExternalID: u.ExternalID, Title: u.Title,
		CreatedAt: u.CreatedAt, UpdatedAt: u.UpdatedAt, Pinned: u.Pinned != nil && *u.Pinned, Revision: 1, IndexState: Queued,
	}}
	t.Turns = make([]Message, len(u.Messages))
	for i, m := range u.Messages {
		t.Turns[i] = newMessage(m, i)
	}
	t.Messages = len(t.Turns)
	return t
}

func newMessage(m UploadMessage, position int) Message {
	return Message{
		ID: NewID(), Position: position, ExternalID: m.ExternalID, Sender: m.sender, Text: m.Text,
		CreatedAt: m.CreatedAt, Branch: m.Branch, Hidden: m.Hidden,
	}
}

type merger struct {
	stored  []Message
	matched []int // for each stored message, the upload's message that matches it, or -1
	taken   map[int]bool
}

func (m *merger) match(stored, sent int) {
	m.matched[stored] = sent
	m.taken[sent] = true
}

func (m *merger) matchByID(sent []UploadMessage) {
	m.taken = make(map[int]bool, len(sent))
	places := make(map[string]int, len(m.stored))
	for i, s := range m.stored {
		if s.ExternalID != "" {
			places[s.ExternalID] = i
		}
	}
	for i, u := range sent {
		if u.ExternalID == "" {
			continue
		}
		if at, ok := places[u.ExternalID]; ok {
			m.match(at, i)
		}
	}
}

// matchByPlace lines up what has no id on one side or the other.
func (m *merger) matchByPlace(sent []UploadMessage) {
	start, edits, ok := m.alignment(sent)
	if !ok {
		return
	}
	for i := 0; i < len(sent) && start+i < len(m.stored); i++ {
		at, u := start+i, sent[i]
		s := m.stored[at]
		if m.taken[i] || m.matched[at] >= 0 || (s.ExternalID != "" && u.ExternalID != "") {
			continue
		}
		unnamed := s.ExternalID == "" && u.ExternalID == ""
		if sameContent(s, u) || (edits && unnamed && s.Sender == u.sender) {
			m.match(at, i)
		}
	}
}

// maxAlignments bounds the places that are compared in full, so that a
// conversation that says the same thing ten thousand times costs no more.
const maxAlignments = 64

// alignment finds the stored position at which the re-send begins. It begins at
// the first message when at least half of what overlaps from there agrees; then
// what differs counts as edited. Otherwise it is a tail, or a part, and begins at
// the first place from where all that overlaps agrees: a message that merely
// resembles a stored one must never overwrite what follows that.
func (m *merger) alignment(sent []UploadMessage) (start int, edits, ok bool) {
	if len(m.stored) == 0 || len(sent) == 0 {
		return 0, false, false
	}
	if sameContent(m.stored[0], sent[0]) {
		if agree, overlap := m.agreement(0, sent, false); 2*agree >= overlap {
			return 0, true, true
		}
	}
	for at, tried := 1, 0; at < len(m.stored) && tried < maxAlignments; at++ {
		if !sameContent(m.stored[at], sent[0]) {
			continue
		}
		tried++
		if agree, overlap := m.agreement(at, sent, true); agree == overlap {
			return at, false, true
		}
	}
	return 0, false, false
}

// agreement counts how many messages of the re-send say what is stored when it
// begins at start, and how many places were compared; strict stops counting at
// the first that differs.
func (m *merger) agreement(start int, sent []UploadMessage, strict bool) (agree, overlap int) {
	overlap = min(len(sent), len(m.stored)-start)
	for i := range overlap {
		if sameContent(m.stored[start+i], sent[i]) {
			agree++
		} else if strict {
			break
		}
	}
	return agree, overlap
}

func sameContent(s Message, u UploadMessage) bool { return s.Sender == u.sender && s.Text == u.Text }

// combine walks both lists into one: stored messages keep their order, and each
// new message follows the one before it in the upload.
func (m *merger) combine(sent []UploadMessage) Merged {
	place := make(map[int]int, len(m.taken)) // upload index -> stored index
	for at, i := range m.matched {
		if i >= 0 {
			place[i] = at
		}
	}
	after := make(map[int][]int) // stored index (-1: before all) -> new messages that follow it
	last := -1
	if len(place) == 0 {
		last = len(m.stored) - 1 // nothing in common: it goes on where the stored part ends
	} else if first := firstMatched(sent, place); first > 0 {
		last = place[first] - 1 // new messages before the first known one go right before it
	}
	for i := range sent {
		if at, ok := place[i]; ok {
			last = at
			continue
		}
		after[last] = append(after[last], i)
	}
	out := Merged{RewriteFrom: -1}
	emit := func(msg Message, storedAt int) {
		msg.Position = len(out.Messages)
		if out.RewriteFrom < 0 && storedAt != msg.Position {
			out.RewriteFrom = msg.Position
		}
		out.Messages = append(out.Messages, msg)
	}
	emitNew := func(at int) {
		for _, i := range after[at] {
			emit(newMessage(sent[i], 0), -1)
			out.Added++
		}
	}
	emitNew(-1)
	for at, msg := range m.stored {
		edited, before := false, msg.Text
		if i := m.matched[at]; i >= 0 {
			edited = apply(&msg, sent[i])
		}
		if msg.Text != before {
			out.Outdated = append(out.Outdated, Span{at, m.answerTo(at)})
		}
		emit(msg, at)
		if edited {
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

func firstMatched(sent []UploadMessage, place map[int]int) int {
	for i := range sent {
		if _, ok := place[i]; ok {
			return i
		}
	}
	return -1
}

// apply puts what the upload says into a stored message and reports whether that
// changed anything.
func apply(msg *Message, u UploadMessage) bool {
	before := *msg
	msg.Sender, msg.Text, msg.Branch, msg.Hidden = u.sender, u.Text, u.Branch, u.Hidden
	if u.ExternalID != "" {
		msg.ExternalID = u.ExternalID
	}
	if u.dated && !msg.CreatedAt.Equal(u.CreatedAt) {
		msg.CreatedAt = u.CreatedAt
	}
	return *msg != before
}
