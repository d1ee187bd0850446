package chat

import (
	"slices"
	"strings"
	"time"

	"golang.org/x/text/unicode/norm"
)

// Merged is the result of merging an upload into a stored conversation.
type Merged struct {
	// Messages are the messages in their new order and numbering: all of them, or those from
	// position From on when the upload is a part that begins there.
	Messages []Message
	From     int
	Edited   []Message // stored messages that keep their position and have new content
	// RewriteFrom is the first position whose message is not the one stored there
	// before: every message from here on is new or has moved. It is Count when no message
	// is new or moved.
	RewriteFrom int
	Outdated    []Span // messages whose text changed: chunks that overlap them must be deleted
	Moves       []Move // where the stored messages are now; empty when none has moved
	Added       int    // how many messages are new
	MarksOnly   bool   // the edits change only values that an index does not contain

	Title     string
	CreatedAt time.Time
	UpdatedAt time.Time
	Pinned    bool
	Source    Source

	Sum UploadSum // of the upload that was merged; zero when it is not known
}

// Span is a range of messages in the numbering that was stored before a merge.
type Span struct{ From, To int } // both inclusive

// Move tells where stored messages are now: those from the old position From on, up to
// the next Move, are By positions further.
type Move struct{ From, By int }

// Changed reports whether any message is new, edited or moved, so that the conversation
// must be re-indexed.
func (m Merged) Changed() bool {
	return (len(m.Edited) > 0 && !m.MarksOnly) || m.RewriteFrom < m.Count()
}

// Leaves reports whether a merge leaves the stored conversation as it is.
func (m Merged) Leaves(stored Conversation) bool {
	return !m.Changed() && len(m.Edited) == 0 && m.Title == stored.Title && m.Pinned == stored.Pinned && m.Source.Equal(stored.Source) &&
		Clock(m.CreatedAt).Equal(stored.CreatedAt) && Clock(m.UpdatedAt).Equal(stored.UpdatedAt)
}

// Count returns how many messages the conversation has after the merge.
func (m Merged) Count() int { return m.From + len(m.Messages) }

// Merge works out what a re-send changes. Messages match by external id when both have
// one, otherwise by sender and text, as two sequences (align.go). Texts that differ only
// in white space match, and the message gets the text that was sent. A sent message
// without a match replaces the stored message that it is an edit of (replace.go), or is
// inserted after the message that it follows in the upload. Everything that the upload
// does not mention stays the same: messages, titles, dates, and whether a message is
// hidden or on an abandoned branch. The same upload changes nothing the second time
// (settle.go).
//
// An upload that says at which position it begins is merged with the messages from there
// on. Stored needs only these, and the rest of the conversation cannot change.
func Merge(stored Transcript, u ValidUpload) Merged {
	m := merger{stored: stored.Turns, sent: u.messages, marked: u.tellsMarks, placed: u.placed, from: u.from}
	if len(m.stored) > 0 && m.stored[0].Position < u.from {
		m.stored = m.stored[min(u.from-m.stored[0].Position, len(m.stored)):]
	}
	m.readTurns()
	m.pair()
	out := m.settle()
	out.Title, out.CreatedAt, out.UpdatedAt = stored.Title, stored.CreatedAt, stored.UpdatedAt
	out.Pinned, out.Source, out.Sum = stored.Pinned, stored.Source.updated(u.source), u.sum
	if u.pinned != nil {
		out.Pinned = *u.pinned
	}
	switch {
	case u.titled:
		out.Title = u.title
	case u.from == 0 && stored.Title == titleOf(stored.Turns): // a derived title must not keep words that were edited out
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

func titleOf[M interface{ said() (Sender, string) }](turns []M) string {
	return DerivedTitle(func(yield func(Sender, string) bool) {
		for _, m := range turns {
			if !yield(m.said()) {
				return
			}
		}
	})
}

func (m Message) said() (Sender, string) { return m.Sender, m.Text }

// NewTranscript returns the conversation that a first upload creates. The caller fills
// in the fields that only the store knows.
func NewTranscript(u ValidUpload) Transcript {
	t := Transcript{Conversation: Conversation{
		ID: ConversationID(NewID()), Platform: u.origin.Platform, ExternalID: u.origin.ExternalID, Title: u.title,
		CreatedAt: u.createdAt, UpdatedAt: u.updatedAt, Pinned: u.pinned != nil && *u.pinned, Source: u.source, Revision: 1, IndexState: Queued,
	}}
	t.Turns = make([]Message, len(u.messages))
	for i, m := range u.messages {
		t.Turns[i] = m.fresh()
		t.Turns[i].Position = i
	}
	t.Messages, t.Sum = len(t.Turns), u.sum
	return t
}

// fresh returns the message with a new id.
func (m validMessage) fresh() Message {
	m.ID = MessageID(NewID())
	return m.Message
}

type merger struct {
	stored      []Message // from position from on
	sent        []validMessage
	storedTurns []turn
	sentTurns   []turn
	marked      bool
	placed      bool // the first message of both sides has the position from
	from        int
	place       []int // for each sent message, the place of the stored one that it equals or replaces, or -1
	chain       []pair
	inPlace     bool   // without a pair, the upload is inserted at the position where it begins, not at the end
	resultTurns []turn // of the messages that combine returned
}

// readTurns fills in storedTurns and sentTurns, and leaves out forgotten messages.
func (m *merger) readTurns() {
	all := newSymbols()
	m.storedTurns, m.sentTurns = make([]turn, len(m.stored)), make([]turn, len(m.sent))
	for i, s := range m.stored {
		m.storedTurns[i] = all.turn(s)
	}
	for j, u := range m.sent {
		m.sentTurns[j] = all.turn(u.Message)
		m.sentTurns[j].forgotten = u.forgotten
	}
	m.leaveOutForgotten()
}

// pair finds the stored message that each sent message equals or replaces.
func (m *merger) pair() {
	stored := m.storedTurns
	known := slices.DeleteFunc(m.sameID(), func(p pair) bool {
		return m.sentTurns[p.sent].forgotten && m.sentTurns[p.sent].symbol != stored[p.stored].symbol
	})
	if m.placed {
		stored, known = m.samePlace(stored, m.sentTurns, known)
	} else if all, ok := m.allStored(known); ok {
		known = all
	}
	r := replacer{
		aligner: newAligner(stored, m.sentTurns), marked: m.marked, known: len(known),
		storedText: func(i int) string { return m.stored[i].Text },
		sentText:   func(j int) string { return m.sent[j].Text },
	}
	r.placed = m.placed
	r.align(known)
	r.replace()
	m.place, m.chain = r.toStored, r.chain
}

// leaveOutForgotten removes the forgotten messages from the upload of which no equal message is
// stored.
func (m *merger) leaveOutForgotten() {
	if !slices.ContainsFunc(m.sent, func(u validMessage) bool { return u.forgotten }) {
		return
	}
	repeated := make(map[int]bool, len(m.storedTurns))
	for _, s := range m.storedTurns {
		repeated[s.symbol] = true
	}
	sent, turns := make([]validMessage, 0, len(m.sent)), make([]turn, 0, len(m.sent))
	for j, t := range m.sentTurns {
		if !t.forgotten || repeated[t.symbol] {
			sent, turns = append(sent, m.sent[j]), append(turns, t)
		}
	}
	m.sent, m.sentTurns = sent, turns
}

func isBlank(text string) bool { return strings.TrimSpace(text) == "" }

// sameID pairs messages with the same external id on both sides.
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

// samePlace pairs the messages that are the same at the same position. The same text may
// occur again and again, so its position is the best evidence which of them is meant.
//
// If most of the messages are where the upload says, all of it is compared with the
// messages at its positions: those behind them belong to other parts. Otherwise messages
// were inserted meanwhile, and the pairs end at the first position that differs. The pairs
// by external id stay.
func (m *merger) samePlace(stored, sent []turn, byID []pair) (within []turn, known []pair) {
	var moved []pair // by external id, to another position
	toSent, toStored := make(map[int]int, len(byID)), make(map[int]int, len(byID))
	for _, p := range byID {
		toSent[p.stored], toStored[p.sent] = p.sent, p.stored
	}
	both, prefix := min(len(stored), len(sent)), -1
	for i := range both {
		at, byStored := toSent[i]
		_, bySent := toStored[i]
		same := byStored && at == i
		if !byStored && !bySent {
			same = stored[i].same(sent[i])
		}
		switch {
		case same:
			known = append(known, pair{i, i})
		case prefix < 0:
			prefix = i
		}
	}
	beyond := slices.ContainsFunc(byID, func(p pair) bool { return p.stored >= both })
	switch {
	case 2*len(known) >= both && !beyond:
		stored = stored[:both]
	case prefix >= 0:
		known = known[:prefix]
	}
	for _, p := range byID {
		if at, found := slices.BinarySearchFunc(known, p.stored, func(k pair, stored int) int { return k.stored - stored }); !found || known[at] != p {
			moved = append(moved, p)
		}
	}
	if len(moved) > 0 { // ids and positions contradict each other
		if all, ok := m.allStored(byID); ok {
			return m.storedTurns, all
		}
	}
	return stored, append(known, moved...)
}

// insertions returns the new messages by the stored message after which they are
// inserted, -1 for the beginning. That is the message that they follow in the upload.
// New messages at the start of the upload are inserted directly before its first known
// message. New messages at its end are appended, because conversations grow there. Those
// of an upload with a position stay behind its last known message, because other parts of
// the conversation may follow.
func (m *merger) insertions() map[int][]int {
	after := map[int][]int{}
	last, end := -1, -1
	if len(m.chain) > 0 {
		last, end = m.chain[0].stored-1, m.chain[len(m.chain)-1].sent
	}
	next := 0 // index into the chain
	for j := range m.sent {
		switch {
		case next < len(m.chain) && m.chain[next].sent == j:
			last = m.chain[next].stored
			next++
		case m.place[j] >= 0: // its place differs in the upload; it keeps the stored one
		case m.sent[j].forgotten:
		case j > end && (!m.placed || len(m.chain) == 0) && !m.inPlace:
			after[len(m.stored)-1] = append(after[len(m.stored)-1], j)
		default:
			after[last] = append(after[last], j)
		}
	}
	return after
}

// combine merges both lists. Stored messages keep their order.
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
	out := Merged{From: m.from, RewriteFrom: -1, MarksOnly: true, Messages: make([]Message, 0, len(m.stored)+len(m.sent))}
	by := 0 // how far the stored messages have moved so far
	m.resultTurns = make([]turn, 0, cap(out.Messages))
	emit := func(msg Message, storedAt int, t turn) {
		m.resultTurns = append(m.resultTurns, t.markedLike(msg))
		msg.Position = m.from + len(out.Messages)
		if out.RewriteFrom < 0 && storedAt != msg.Position {
			out.RewriteFrom = msg.Position
		}
		if moved := msg.Position - storedAt; storedAt != isNew && moved != by {
			by = moved
			out.Moves = append(out.Moves, Move{From: storedAt, By: by})
		}
		out.Messages = append(out.Messages, msg)
	}
	emitNew := func(at int) {
		for _, j := range after[at] {
			emit(m.sent[j].fresh(), isNew, m.sentTurns[j])
			out.Added++
		}
	}
	emitNew(-1)
	for at, before := range m.stored {
		msg, t, changed := before, m.storedTurns[at], false
		if j := sentAt[at]; j >= 0 {
			msg, changed = m.apply(before, m.sent[j])
			t = m.sentTurns[j]
		}
		if before.Indexed() && (msg.Text != before.Text || msg.Sender != before.Sender || !msg.Indexed()) {
			out.Outdated = append(out.Outdated, Span{m.from + at, m.from + answerTo(m.stored, at)})
		}
		emit(msg, m.from+at, t)
		if changed {
			out.MarksOnly = out.MarksOnly && msg.indexedLike(before)
			out.Edited = append(out.Edited, out.Messages[len(out.Messages)-1])
		}
		emitNew(at)
	}
	if out.RewriteFrom < 0 {
		out.RewriteFrom = out.Count()
	}
	return out
}

// isNew is the stored position of a message that is not stored.
const isNew = -1

// answerTo returns the place of the next message that search may find. The chunks of
// an answer repeat the question before it, so they contain the text of both.
func answerTo(stored []Message, at int) int {
	for next := at + 1; next < len(stored); next++ {
		if s := stored[next]; !s.Hidden && (s.Sender == Human || s.Sender == Assistant) {
			return next
		}
	}
	return at
}

// apply returns a stored message with the values from the upload, and whether anything
// changed. Texts that differ only in the encoding of accents count as equal, so that
// such a difference does not cause re-indexing.
func (m *merger) apply(stored Message, u validMessage) (msg Message, changed bool) {
	msg = stored
	msg.Sender = u.Sender
	if u.Text != stored.Text && norm.NFC.String(u.Text) != norm.NFC.String(stored.Text) {
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
	if len(u.Files) > 0 || m.marked {
		msg.Files = u.Files
	}
	if u.dated && (stored.Inferred || !u.Inferred) { // an inferred time does not replace the source's own
		msg.Inferred = u.Inferred
		if !msg.CreatedAt.Equal(u.CreatedAt) {
			msg.CreatedAt = u.CreatedAt
		}
	}
	return msg, !msg.Equal(stored)
}
