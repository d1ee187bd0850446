package history

import (
	"context"
	"iter"
	"slices"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/store"
)

// maxWalkText is the maximum number of bytes of text on a page, except for a page with a single longer conversation.
// A hundred conversations may have gigabytes, and a page is built in memory.
const maxWalkText = 8 << 20

// walk is Access.Walk.
func (h *History) walk(ctx context.Context, ws chat.WorkspaceID, q chat.WalkQuery) (page WalkPage, err error) {
	window, err := q.Window(h.now())
	if err != nil {
		return WalkPage{}, err
	}
	cursor, ok := chat.ParseID(q.Cursor)
	if q.Cursor != "" && !ok {
		return WalkPage{}, fault.Breaks(fault.At("cursor"), "must be the id of a conversation; take the next or the previous cursor of a page")
	}
	if q.Size == 0 {
		q.Size = chat.DefaultWalkSize
	}
	step := walkStep{store: h.store, ws: ws, window: window, newer: q.Newer && ok, size: min(max(q.Size, 1), chat.MaxWalkSize)}
	err = h.store.Snapshot(ctx, func(v *store.View) (err error) {
		step := step // the transaction may run again
		if ok {
			if step.from, err = step.located(v, cursor); err != nil {
				return err
			}
		}
		if q.MatchesNothing() {
			page = WalkPage{}
			return nil
		}
		page, err = step.take(v)
		return err
	})
	return page, err
}

// WalkPage is one page of a walk, with the texts of its conversations.
type WalkPage struct {
	chat.WalkPage

	long *Reading // the only conversation of the page if its texts are too long for memory; then Turns has no texts
}

// Held returns how many bytes of text are in memory.
func (p WalkPage) Held() int {
	if p.long != nil {
		return p.long.Held()
	}
	bytes := 0
	for _, item := range p.Items {
		for _, m := range item.Turns {
			bytes += len(m.Text)
		}
	}
	return bytes
}

// Parts yields the messages of an item, as Reading.Parts does.
func (p WalkPage) Parts(ctx context.Context, item int) iter.Seq2[chat.Part, error] {
	if p.long != nil {
		return p.long.Parts(ctx)
	}
	return chat.Parts(p.Items[item].Turns)
}

// walkStep is one step of a walk, in one snapshot of the database.
type walkStep struct {
	store  *store.Store
	ws     chat.WorkspaceID
	window chat.Window
	from   *chat.Place // nil at the beginning
	newer  bool
	size   int
}

// located returns the place that a cursor represents.
func (s walkStep) located(v *store.View, cursor chat.ConversationID) (*chat.Place, error) {
	place, err := v.Place(s.ws, cursor)
	if fault.Is(err, fault.NotFound) {
		return nil, fault.Breaks(fault.At("cursor"), "is the id of no conversation that is there or was deleted; begin again without it")
	}
	if s.newer && !place.At.Before(s.window.Before) { // it left the window, and its old place is unknown
		place = chat.Edge(s.window.From)
	}
	return &place, err
}

func (s walkStep) take(v *store.View) (WalkPage, error) {
	near, err := s.ahead(v)
	if err != nil {
		return WalkPage{}, err
	}
	more := len(near) > s.size
	near = near[:min(len(near), s.size)]
	fitting, long, err := s.fitting(v, near)
	if err != nil {
		return WalkPage{}, err
	}
	more = more || fitting < len(near)
	near = near[:fitting]
	if s.newer {
		slices.Reverse(near)
	}
	page := WalkPage{WalkPage: chat.WalkPage{More: more}}
	if long {
		page.Items = []chat.Transcript{{Conversation: near[0]}}
		page.long = &Reading{Conversation: near[0], store: s.store, ws: s.ws}
		page.long.first, err = readPage(v, s.ws, near[0].ID, chat.PartAt{})
	} else {
		page.Items, err = v.Transcripts(s.ws, near)
	}
	if err != nil {
		return WalkPage{}, err
	}
	return page, s.cursors(v, &page.WalkPage)
}

// ahead returns the conversations in the direction of the walk, the nearest first, and one more than the page takes.
func (s walkStep) ahead(v *store.View) ([]chat.Conversation, error) {
	if s.newer {
		return v.Newer(s.ws, s.window, *s.from, s.size+1)
	}
	return v.Older(s.ws, s.window, s.from, s.size+1)
}

// fitting returns how many of the conversations have texts that fit on one page. The first one is always on the page;
// long reports that it does not fit even alone.
func (s walkStep) fitting(v *store.View, near []chat.Conversation) (n int, long bool, err error) {
	sizes, err := v.TextSizes(s.ws, near)
	if err != nil {
		return 0, false, err
	}
	total := 0
	for i, c := range near {
		if total += sizes[c.ID]; total > maxWalkText {
			return max(i, 1), i == 0, nil
		}
	}
	return len(near), false, nil
}

// cursors sets the cursors from which the walk can continue. What is ahead is known. Behind, conversations may have
// been added or deleted since, so it asks. If everything on the page was deleted, the walk continues from the cursor
// that the caller sent.
func (s walkStep) cursors(v *store.View, page *chat.WalkPage) error {
	if s.from == nil && len(page.Items) == 0 {
		return nil
	}
	newest, oldest := s.ends(page.Items)
	var behind []chat.Conversation
	var err error
	switch {
	case s.newer:
		behind, err = v.Older(s.ws, s.window, &oldest, 1)
	case s.from != nil:
		behind, err = v.Newer(s.ws, s.window, newest, 1)
	}
	older, newer := page.More, len(behind) > 0
	if s.newer {
		older, newer = newer, older
	}
	if older {
		page.Older = oldest.ID
	}
	if newer {
		page.Newer = newest.ID
	}
	return err
}

// ends returns the places of the first and the last conversation of a page, or the place of the cursor when the page
// is empty.
func (s walkStep) ends(items []chat.Transcript) (newest, oldest chat.Place) {
	if n := len(items); n > 0 {
		return chat.PlaceOf(items[0].Conversation), chat.PlaceOf(items[n-1].Conversation)
	}
	return *s.from, *s.from
}
