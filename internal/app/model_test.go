package app_test

import (
	"maps"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/lethe-chat/lethe/pkg/api"
)

// model is the expected content of a workspace, computed from the rules alone.
type model struct {
	chats    map[name]*modelChat
	deleted  map[name]bool // tombstones: an import skips these
	excluded map[name]bool // uploads of these are refused
	receipts int

	forgotten map[name]map[string]bool // ids and texts of messages that were deleted one by one
}

// name is a platform's id of a conversation.
type name struct{ platform, id string }

type modelChat struct {
	id     string
	title  string
	pinned bool
	order  []string          // message ids
	texts  map[string]string // by message id
	roles  map[string]string // by message id; they stay when messages before are deleted
}

func newModel() *model {
	return &model{chats: map[name]*modelChat{}, deleted: map[name]bool{}, excluded: map[name]bool{}, forgotten: map[name]map[string]bool{}}
}

func (c *modelChat) clone() *modelChat {
	copied := *c
	copied.order, copied.texts, copied.roles = slices.Clone(c.order), maps.Clone(c.texts), maps.Clone(c.roles)
	return &copied
}

// words returns all made-up words of the workspace that can be found.
func (m *model) words() map[string]bool {
	alive := map[string]bool{}
	for _, c := range m.chats {
		for _, w := range c.words() {
			alive[w] = true
		}
	}
	return alive
}

func (c *modelChat) words() (all []string) {
	all = madeUp.FindAllString(c.title, -1)
	for _, text := range c.texts {
		all = append(all, madeUp.FindAllString(text, -1)...)
	}
	return all
}

func (m *model) messages() (n int) {
	for _, c := range m.chats {
		n += len(c.texts)
	}
	return n
}

// of returns the names of the conversations that pass, in an order that the seed repeats.
func (m *model) of(passes func(name, *modelChat) bool) (found []name) {
	for n, c := range m.chats {
		if passes(n, c) {
			found = append(found, n)
		}
	}
	slices.SortFunc(found, func(a, b name) int { return strings.Compare(a.platform+" "+a.id, b.platform+" "+b.id) })
	return found
}

// remove is a delete. It returns the ids that the service must report.
func (m *model) remove(names []name, exclude bool) (ids []string) {
	for _, n := range names {
		ids = append(ids, m.chats[n].id)
		delete(m.chats, n)
		m.deleted[n] = true
		m.excluded[n] = exclude
	}
	if len(ids) > 0 {
		m.receipts++
	}
	return ids
}

// forget is a delete of the messages with these texts, of which the conversation has at least
// one.
func (m *model) forget(n name, texts map[string]bool) {
	c := m.chats[n]
	if m.forgotten[n] == nil {
		m.forgotten[n] = map[string]bool{}
	}
	for id, text := range c.texts {
		if texts[text] {
			m.forgotten[n][id], m.forgotten[n][text] = true, true
			delete(c.texts, id)
			c.order = slices.DeleteFunc(c.order, func(other string) bool { return other == id })
		}
	}
	if len(c.order) == 0 {
		m.remove([]name{n}, false)
		return
	}
	m.receipts++
}

// remembered returns what an upload may store.
func (m *model) remembered(n name, sent *modelChat) []string {
	return slices.DeleteFunc(slices.Clone(sent.order), func(id string) bool {
		return m.forgotten[n][id] || m.forgotten[n][sent.texts[id]]
	})
}

// upload is an upload of messages with ids.
func (m *model) upload(n name, sent *modelChat, id string) {
	there := m.chats[n]
	if there == nil && len(m.remembered(n, sent)) == 0 {
		return
	}
	if there == nil {
		there = &modelChat{texts: map[string]string{}, roles: map[string]string{}}
		m.chats[n] = there
		delete(m.deleted, n)
		delete(m.excluded, n)
	}
	there.id, there.title = id, sent.title
	if sent.pinned {
		there.pinned = true
	}
	for _, message := range m.remembered(n, sent) {
		if _, known := there.texts[message]; !known {
			there.order = append(there.order, message)
		}
		there.texts[message], there.roles[message] = sent.texts[message], sent.roles[message]
	}
}

// request returns the upload of the conversation.
func (c *modelChat) request(n name) api.UploadRequest {
	u := api.UploadRequest{Platform: &n.platform, Conversation: api.UploadedChat{ID: n.id, Title: &c.title}}
	if c.pinned {
		u.Conversation.Pinned = &c.pinned
	}
	for _, id := range c.order {
		u.Conversation.Messages = append(u.Conversation.Messages, api.UploadedMessage{
			ID: &id, Role: c.roles[id], Content: c.texts[id],
		})
	}
	return u
}

// part returns the end of the conversation, with ids on some messages only.
func (c *modelChat) part(n name, from int, named func(i int) bool) api.UploadRequest {
	u := c.request(n)
	for i := range u.Conversation.Messages {
		if !named(i) {
			u.Conversation.Messages[i].ID = nil
		}
	}
	u.Conversation.Messages = u.Conversation.Messages[from:]
	return u
}

// author generates texts. Its words consist of letters only, so that no analyzer changes
// them, and none is used twice.
type author struct {
	*rand.Rand
	prefix string
	count  int
}

func (w *author) word() string {
	w.count++
	letters := []byte("aaaaaa")
	for n, i := w.count, len(letters)-1; n > 0; n, i = n/26, i-1 {
		letters[i] = byte('a' + n%26)
	}
	return "zq" + w.prefix + string(letters) + "v"
}

func (w *author) text() string {
	return "we talked about " + w.word() + " and then of other things " + strings.Repeat("again and again ", w.IntN(12))
}

func (w *author) chat() *modelChat {
	c := &modelChat{title: "About " + w.word(), pinned: w.IntN(3) == 0, texts: map[string]string{}, roles: map[string]string{}}
	for range 1 + w.IntN(4) {
		w.extend(c)
	}
	return c
}

func (w *author) extend(c *modelChat) {
	id := "m" + w.word()[2+len(w.prefix):]
	c.roles[id] = []string{"human", "assistant"}[len(c.order)%2]
	c.order = append(c.order, id)
	c.texts[id] = w.text()
}

func pick[T any](w *author, from []T) T { return from[w.IntN(len(from))] }
