package bitcode

import "github.com/lethe-chat/lethe/internal/chat"

// Writer stores the codes of the vectors that a search reads in its snapshot. Call Finish
// or Abandon to end it. It is for one goroutine.
type Writer struct {
	codes      *Codes
	generation *generation
	version    int64                 // of the snapshot
	unread     []chat.ConversationID // the conversations that the search reads; all of them for Build
	met        map[chat.ConversationID]bool
}

func newWriter(c *Codes, g *generation, version int64, unread []chat.ConversationID) *Writer {
	return &Writer{codes: c, generation: g, version: version, unread: unread, met: map[chat.ConversationID]bool{}}
}

// Build begins the codes of a space, for a search that reads all its vectors in a
// snapshot of that version. Searches use them after Finish. It returns nil when the space
// has codes, when somebody else builds them, or when the version is not the latest.
func (c *Codes) Build(space Space, version int64) *Writer {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.notice(version)
	if version != c.version || c.generations[space] != nil {
		return nil
	}
	g := &generation{space: space, first: version, building: true, blocks: map[chat.ConversationID]block{}, unread: map[chat.ConversationID]unread{}}
	g.used.Store(c.uses.Add(1))
	c.generations[space] = g
	if c.pending != nil { // it was announced before this generation existed
		c.apply(c.pending, g)
	}
	return newWriter(c, g, version, nil)
}

// Wants reports whether Put would store the codes of a conversation. Call it once for
// each conversation that is read.
func (w *Writer) Wants(conversation chat.ConversationID) bool {
	w.met[conversation] = true
	w.codes.mu.Lock()
	defer w.codes.mu.Unlock()
	since, ok := w.accepts(conversation)
	return ok && w.fit(conversation, since, blockOverhead+int64(Size(w.generation.space.Dimensions)))
}

// Put stores the codes of all vectors that a conversation has in the snapshot. It takes
// over their memory, and overwrites what it does not store.
func (w *Writer) Put(conversation chat.ConversationID, positions []int32, codes []byte) {
	c, g := w.codes, w.generation
	c.mu.Lock()
	defer c.mu.Unlock()
	since, ok := w.accepts(conversation)
	b := block{since: since, positions: positions, codes: codes}
	if !ok || !w.fit(conversation, since, b.bytes()) {
		clear(codes)
		return
	}
	g.markRead(conversation)
	g.blocks[conversation] = b
	g.bytes += b.bytes()
	c.bytes += b.bytes()
}

// accepts is the rule by which codes enter: only an unread conversation takes codes, and
// only from a snapshot that contains the change which made it unread. While a generation
// is built, every conversation counts as unread since the snapshot, until a transaction
// changes it. accepts also returns the version of that change.
func (w *Writer) accepts(conversation chat.ConversationID) (since int64, ok bool) {
	g := w.generation
	if w.codes.generations[g.space] != g { // it was dropped
		return 0, false
	}
	mark, marked := g.unread[conversation]
	if g.building {
		_, taken := g.blocks[conversation]
		return w.version, !marked && !taken
	}
	return mark.since, marked && mark.since <= w.version
}

// fit makes room for a conversation, or marks that there is none.
func (w *Writer) fit(conversation chat.ConversationID, since, bytes int64) bool {
	if w.codes.makeRoom(w.generation, bytes) {
		return true
	}
	w.generation.markUnread(conversation, unread{since: since, noRoom: true})
	return false
}

// Finish reports that the search has read everything. A conversation that should have
// been read but was not found has no vectors. It is removed, and versions in which it had
// vectors are no longer served.
func (w *Writer) Finish() {
	w.codes.mu.Lock()
	defer w.codes.mu.Unlock()
	g := w.generation
	g.building = false
	for _, id := range w.unread {
		if since, ok := w.accepts(id); ok && !w.met[id] {
			g.markRead(id)
			g.first = max(g.first, since)
		}
	}
}

// Abandon reports that the search has failed. Codes that were being built are dropped.
func (w *Writer) Abandon() {
	w.codes.mu.Lock()
	defer w.codes.mu.Unlock()
	if w.generation.building {
		w.codes.drop(w.generation)
	}
}
