package history

import (
	"context"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/store"
)

// Limits of one page of messages.
const (
	DefaultMessages = 50
	MaxMessages     = 500
	MaxShownText    = 64 << 10 // bytes of one text; longer ones are cut
	maxShownPage    = 8 << 20  // bytes of all texts
)

// MessagePage is some messages of a conversation.
type MessagePage struct {
	Conversation chat.Conversation
	Items        []ShownMessage
}

// ShownMessage is a message whose text may be cut.
type ShownMessage struct {
	chat.Message
	Cut bool // the text was cut
}

// Messages returns up to n messages of a conversation, beginning at a position, and the
// conversation. Texts over MaxShownText are cut. n is reduced to MaxMessages. NotFound when
// the workspace has no conversation with that id.
func (a Access) Messages(ctx context.Context, id chat.ConversationID, from, n int) (MessagePage, error) {
	return ask(ctx, a, OpMessages, func(ctx context.Context, h *History, ws chat.WorkspaceID) (MessagePage, error) {
		return h.messages(ctx, ws, id, from, min(max(n, 1), MaxMessages))
	})
}

func (h *History) messages(ctx context.Context, ws chat.WorkspaceID, id chat.ConversationID, from, n int) (page MessagePage, err error) {
	id, err = knownID(id)
	if err != nil {
		return MessagePage{}, err
	}
	err = h.store.Snapshot(ctx, func(v *store.View) error {
		if page.Conversation, err = v.Conversation(ws, id); err != nil {
			return err
		}
		messages, sizes, err := v.Stretch(ws, id, from, n, min(MaxShownText, maxShownPage/n))
		page.Items = make([]ShownMessage, len(messages))
		for i, m := range messages {
			page.Items[i] = ShownMessage{Message: m, Cut: len(m.Text) < sizes[i]}
		}
		return err
	})
	return page, err
}

// maxFindQuery is the longest query of Find, in bytes.
const maxFindQuery = 40_000

// Find returns the positions of the messages of a conversation that contain one of the words, in upper or lower case.
// A word of at least four letters also matches longer words that begin with it. Invalid when there is no word,
// NotFound when the workspace has no conversation with that id.
func (a Access) Find(ctx context.Context, id chat.ConversationID, words []string) ([]int, error) {
	return ask(ctx, a, OpFind, func(ctx context.Context, h *History, ws chat.WorkspaceID) ([]int, error) {
		wanted, err := foldedWords(words)
		if err != nil {
			return nil, err
		}
		reading, err := h.read(ctx, ws, id, h.watchKey(a.who))
		if err != nil {
			return nil, err
		}
		positions := []int{}
		for part, err := range reading.Parts(ctx) {
			if err != nil {
				return nil, err
			}
			found := len(positions) > 0 && positions[len(positions)-1] == part.Position
			if !found && containsAny(chat.Fold(part.Text), wanted) {
				positions = append(positions, part.Position)
			}
		}
		return positions, nil
	})
}

func foldedWords(words []string) (folded []string, err error) {
	bytes := 0
	for _, w := range words {
		bytes += len(w)
		if w = chat.Fold(w); w != "" {
			folded = append(folded, w)
		}
	}
	switch {
	case len(folded) == 0:
		return nil, fault.Breaks(fault.At("query"), "must have at least one word")
	case bytes > maxFindQuery:
		return nil, fault.Breaks(fault.At("query"), "must have at most %d bytes", maxFindQuery)
	}
	return folded, nil
}

// wholeWord is the length in runes up to which a word matches only whole words: "in" does not match "thing" or
// "inside".
const wholeWord = 3

func containsAny(text string, words []string) bool {
	for _, w := range words {
		if contains(text, w) {
			return true
		}
	}
	return false
}

// contains reports whether a word of the text is w or, if w is long enough, begins with w. Scripts without spaces
// have no word borders.
func contains(text, w string) bool {
	for at := 0; ; {
		i := strings.Index(text[at:], w)
		if i < 0 {
			return false
		}
		start, end := at+i, at+i+len(w)
		before, _ := utf8.DecodeLastRuneInString(text[:start])
		after, _ := utf8.DecodeRuneInString(text[end:])
		first, _ := utf8.DecodeRuneInString(w)
		if unspaced(first) || (!inWord(before) && (utf8.RuneCountInString(w) > wholeWord || !inWord(after))) {
			return true
		}
		at = end
	}
}

func inWord(r rune) bool { return r != utf8.RuneError && (unicode.IsLetter(r) || unicode.IsNumber(r)) }

func unspaced(r rune) bool {
	return unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar)
}
