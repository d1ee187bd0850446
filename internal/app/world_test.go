package app_test

import (
	"context"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/app/apptest"
	"github.com/lethe-chat/lethe/internal/auth"
	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/embed"
	"github.com/lethe-chat/lethe/internal/history"
	"github.com/lethe-chat/lethe/internal/store/storetest"
	"github.com/lethe-chat/lethe/pkg/api"
	"github.com/lethe-chat/lethe/pkg/client"
	"github.com/lethe-chat/lethe/pkg/client/fini"
)

var (
	modelRounds = flag.Int("rounds", 25, "how many rounds TestTheWorldIsAsTheModelSays plays; `make world` plays many more")
	modelSeed   = flag.Uint64("seed", storetest.FixedSeed, "the seed of TestTheWorldIsAsTheModelSays; 0 draws a new one")
)

// madeUp matches the words that only this test uses.
var madeUp = regexp.MustCompile(`zq[a-z]+v\b`)

// Several clients upload, edit, rename, pin, search, import and delete in every possible
// way at the same time; workspaces are deleted and the program restarts meanwhile. After
// each round the database contains what the model expects, and no route shows anything
// that was deleted.
func TestTheWorldIsAsTheModelSays(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		seed := storetest.Seed(t, "seed", *modelSeed)
		w := newWorld(t, db, seed)
		for w.round = range *modelRounds {
			w.play()
			w.check()
			if t.Failed() {
				t.Fatalf("round %d; repeat it with -args -seed %d", w.round, seed)
			}
			w.between()
		}
		w.checkAll()
		t.Logf("%d rounds, %v", *modelRounds, w.played)
	})
}

// world is a service with several clients, and what they did to it.
type world struct {
	*author
	t       *testing.T
	db      storetest.Database
	service *apptest.Service
	round   int
	spaces  []*space
	players []*player
	lost    map[string]bool // words that were stored before this round
	lostIDs []string        // conversations that were deleted in this round
	played  map[string]int
	full    atomic.Bool // whether the disk is full
}

// space is a workspace with its model.
type space struct {
	*model
	mu      sync.Mutex
	name    string
	token   string
	exports []export
}

// export is an exported file and its content.
type export struct {
	file  string
	chats map[name]*modelChat
}

// player is one client. It has its own platforms, so that its actions can be checked
// while others act at the same time.
type player struct {
	*author
	space    *space
	platform string
	client   *client.Client
	mcp      string // the address where assistants call the service
}

func newWorld(t *testing.T, db storetest.Database, seed uint64) *world {
	t.Helper()
	w := &world{t: t, db: db, played: map[string]int{}, author: &author{Rand: rand.New(rand.NewPCG(seed, 0)), prefix: "w"}} //nolint:gosec // a game
	w.spaces = []*space{{model: newModel(), name: "default", token: apptest.Key}, {model: newModel(), name: "other"}}
	for i, of := range []int{0, 0, 0, 1} {
		w.players = append(w.players, &player{
			author: &author{Rand: rand.New(rand.NewPCG(seed, uint64(i)+1)), prefix: string(rune('a' + i))}, //nolint:gosec // a game
			space:  w.spaces[of], platform: fmt.Sprint("p", i),
		})
	}
	w.start()
	_, w.spaces[1].token = w.service.NewKey(t, "other", auth.Read, auth.Write)
	w.connect()
	return w
}

func (w *world) start() {
	w.service = apptest.Start(w.t, w.db, apptest.WithEmbedder(embed.NewHash()), apptest.WithTrouble(), apptest.WithDisk(func() error {
		if w.full.Load() {
			return syscall.ENOSPC
		}
		return nil
	}))
}

func (w *world) connect() {
	for _, p := range w.players {
		p.client, p.mcp = w.service.With(w.t, p.space.token), w.service.URL+"/mcp"
	}
}

// play makes every player do one action at the same time.
func (w *world) play() {
	w.lost, w.lostIDs = w.alive(), slices.Collect(maps.Keys(w.ids()))
	var all sync.WaitGroup
	for _, p := range w.players {
		move := pick(p.author, moves)
		w.played[move.what]++
		all.Go(func() {
			if err := move.do(p, w.t.Context()); err != nil {
				w.t.Errorf("%s: %v", move.what, err)
			}
		})
	}
	all.Wait()
}

// between does what affects all players.
func (w *world) between() {
	s := pick(w.author, w.spaces)
	switch n := w.IntN(40); {
	case n < 2:
		w.played["export"]++
		s.exports = append(s.exports, w.export(s))
	case n < 5 && len(s.exports) > 0:
		w.played["import"]++
		w.importFile(s, pick(w.author, s.exports), w.IntN(2) == 0)
	case n == 5:
		w.played["workspace"]++
		w.deleteWorkspace(s)
	case n == 6:
		w.played["restart"]++
		w.service.Stop(w.t)
		w.start()
		w.connect()
	case n == 7:
		w.played["stop while a delete waits"]++
		w.stopWaiting(s)
	case n == 8 && w.db.Kind == storetest.SQLite:
		w.played["full disk"]++
		w.fillDisk(s)
	case n < 12:
		w.checkAll()
	default:
		return
	}
	w.check()
}

// stopWaiting stops the service while a delete waits for its storage. The delete is
// answered, or it was not started; in both cases it is complete.
func (w *world) stopWaiting(s *space) {
	names := s.of(func(name, *modelChat) bool { return true })
	if len(names) == 0 {
		return
	}
	n := pick(w.author, names)
	deleted := make(chan error, 1)
	go func() {
		answer, err := w.service.With(w.t, s.token).DeleteWith(w.t.Context(), api.DeleteRequest{IDs: []string{s.chats[n].id}, Wait: new(true)})
		if err == nil {
			err = same([]string{s.chats[n].id}, answer.Deleted)
		}
		deleted <- err
	}()
	w.service.Stop(w.t)
	answered := <-deleted
	w.start()
	w.connect()
	_, err := w.service.With(w.t, s.token).Get(w.t.Context(), s.chats[n].id)
	if err != nil {
		require.True(w.t, client.IsNotFound(err), "%v", err)
		s.remove([]name{n}, false)
		return
	}
	require.Error(w.t, answered, "a delete that was answered as done must be done")
}

// fillDisk sends writes while the disk is full. They are refused with the reason and
// change nothing.
func (w *world) fillDisk(s *space) {
	w.service.Idle(w.t)
	w.full.Store(true)
	defer w.full.Store(false)
	requests := []struct{ method, path, body string }{
		{"POST", "/api/chat-history/ingest/custom-online", `{"conversation":{"id":"full","messages":[{"role":"human","content":"no room"}]}}`},
	}
	for _, n := range s.of(func(name, *modelChat) bool { return true }) {
		id := s.chats[n].id
		requests = append(requests,
			struct{ method, path, body string }{"DELETE", "/api/chat-history/chats", `{"ids":["` + id + `"]}`},
			struct{ method, path, body string }{"PATCH", "/api/chat-history/conversation", `{"conversationId":"` + id + `","title":"no room"}`})
		break
	}
	for _, r := range requests {
		answer := send(w.t, w.service, r.method, r.path, r.body, "Authorization", "Bearer "+s.token)
		require.Equal(w.t, http.StatusServiceUnavailable, answer.status, "%s: %s", r.path, answer.body)
		require.Contains(w.t, answer.body, "the disk of the database is full")
	}
}

func (w *world) export(s *space) export {
	var file strings.Builder
	require.NoError(w.t, w.service.With(w.t, s.token).Export(w.t.Context(), client.ListOptions{}, &file))
	taken := export{file: file.String(), chats: map[name]*modelChat{}}
	for n, c := range s.chats {
		taken.chats[n] = c.clone()
	}
	require.Equal(w.t, len(taken.chats), strings.Count(taken.file, "\n"))
	return taken
}

func (w *world) importFile(s *space, taken export, restore bool) {
	c := w.service.With(w.t, s.token)
	answer, err := c.ImportFile(w.t.Context(), strings.NewReader(taken.file), restore)
	require.NoError(w.t, err)
	var stored, deleted, excluded int
	for n, sent := range taken.chats {
		there := s.chats[n] != nil
		switch {
		case !there && s.excluded[n]:
			excluded++
		case !there && s.deleted[n] && (!restore || len(s.remembered(n, sent)) == 0):
			deleted++
		default:
			stored++
			id := ""
			if there {
				id = s.chats[n].id
			}
			s.upload(n, sent, id)
			s.chats[n].pinned = sent.pinned
		}
	}
	require.Equal(w.t, []int{stored, deleted, excluded, 0}, []int{answer.Conversations, answer.Deleted, answer.Excluded, answer.Failed})
	for item, err := range c.All(w.t.Context(), client.ListOptions{PageSize: 100}) { // new ones have new ids
		require.NoError(w.t, err)
		for n, chat := range s.chats {
			if chat.id == "" && n.platform == item.Platform && chat.title == item.Title {
				chat.id = item.ID
			}
		}
	}
}

// deleteWorkspace deletes a workspace while the service runs, and creates one with the
// same name.
func (w *world) deleteWorkspace(s *space) {
	other := w.db.Open(w.t)
	h := history.New(history.Options{Store: other, Embedder: embed.NewNone()})
	exported := map[chat.ConversationID]int64{}
	administration, err := h.Administer(auth.Operator(0))
	require.NoError(w.t, err)
	all, err := administration.Workspaces(w.t.Context())
	require.NoError(w.t, err)
	i := slices.IndexFunc(all, func(ws chat.Workspace) bool { return ws.Name == s.name })
	require.GreaterOrEqual(w.t, i, 0)
	for c, err := range h.AsOperator(all[i].ID).Export(w.t.Context(), chat.Filter{}) {
		require.NoError(w.t, err)
		exported[c.ID] = c.Revision
	}
	require.Len(w.t, exported, len(s.chats))
	_, err = administration.DeleteWorkspace(w.t.Context(), s.name, exported)
	require.NoError(w.t, err)
	require.NoError(w.t, other.Close())
	exports := s.exports
	s.model, s.exports = newModel(), exports
	if s.name != "default" {
		_, s.token = w.service.NewKey(w.t, s.name, auth.Read, auth.Write)
		w.connect()
	}
}

// check compares what the service shows with the model. No answer may contain a word that
// is not stored.
func (w *world) check() {
	w.t.Helper()
	for _, s := range w.spaces {
		c := w.service.With(w.t, s.token)
		there := map[string]string{}
		for item, err := range c.All(w.t.Context(), client.ListOptions{PageSize: 100}) {
			require.NoError(w.t, err)
			there[item.ID] = fmt.Sprint(item.Platform, item.Title, item.Pinned, item.MessageCount)
		}
		want := map[string]string{}
		for n, chat := range s.chats {
			want[chat.id] = fmt.Sprint(n.platform, chat.title, chat.pinned, len(chat.texts))
		}
		require.Equal(w.t, want, there, "the list of %s", s.name)
		stats, err := c.Stats(w.t.Context())
		require.NoError(w.t, err)
		require.Equal(w.t, []int{len(s.chats), s.messages()}, []int{stats.Conversations, stats.Messages})
		receipts, err := c.Deletions(w.t.Context(), 1, 1)
		require.NoError(w.t, err)
		require.Equal(w.t, s.receipts, receipts.Total, "one receipt for each delete of %s that deleted something", s.name)
	}
	alive := w.alive()
	ids := w.ids()
	w.lostIDs = slices.DeleteFunc(w.lostIDs, func(id string) bool { return ids[id] })
	lost := slices.Sorted(maps.Keys(w.lost))
	lost = slices.DeleteFunc(lost, func(word string) bool { return alive[word] })
	if len(lost) == 0 {
		return
	}
	for _, word := range []string{lost[0], lost[len(lost)-1]} {
		require.Empty(w.t, w.db.Mentions(w.t, word), "of %s", word)
	}
	for _, s := range w.spaces {
		w.silent(s, strings.Join(lost[:min(len(lost), 8)], " "))
	}
}

func (w *world) alive() map[string]bool {
	alive := map[string]bool{}
	for _, s := range w.spaces {
		maps.Copy(alive, s.words())
	}
	return alive
}

func (w *world) ids() map[string]bool {
	ids := map[string]bool{}
	for _, s := range w.spaces {
		for _, c := range s.chats {
			ids[c.id] = true
		}
	}
	return ids
}

// silent calls every route that shows text for words that are not stored.
func (w *world) silent(s *space, words string) {
	w.t.Helper()
	alive := s.words()
	word, _, _ := strings.Cut(words, " ")
	for _, ask := range []struct{ method, path, body string }{
		{"GET", "/api/chat-history/chats?title=" + word, ""},
		{"GET", "/v2/hc-interactions/public?limit=100", ""},
		{"POST", "/api/chat-history/search", `{"query":"` + words + ` talked about","mode":"hybrid"}`},
		{"POST", "/api/chat-history/search", `{"query":"` + words + `","mode":"keyword","contextChunks":20}`},
		{"POST", "/api/chat-history/search", `{"query":"` + words + ` things","mode":"semantic","limit":100,"contextChunks":20}`},
		{"POST", "/api/chat-history/inject", `{"query":"` + words + ` talked","maxTokens":2000,"queries":[{"query":"` + words + `"}]}`},
		{"GET", "/api/chat-history/export", ""},
		{"GET", "/api/chat-history/export?title=" + word, ""},
		{"GET", "/api/chat-history/imports?pageSize=100", ""},
		{"GET", "/api/chat-history/deletions?pageSize=100", ""},
		{"GET", "/api/chat-history/stats", ""},
		{"GET", "/metrics", ""},
		{"POST", "/mcp", toolCall("search_chat_history", `{"query":"`+words+` talked about","limit":50}`)},
		{"POST", "/mcp", toolCall("recall_chat_history", `{"query":"`+words+`","maxTokens":2000}`)},
		{"POST", "/mcp", toolCall("list_conversations", `{"pageSize":100}`)},
		{"POST", "/mcp", toolCall("deletion_receipt", `{}`)},
		{"POST", "/mcp", toolCall("import_status", `{}`)},
	} {
		answer := send(w.t, w.service, ask.method, ask.path, ask.body, "Authorization", "Bearer "+s.token)
		require.Equal(w.t, http.StatusOK, answer.status, "%s: %s", ask.path, answer.body)
		// Some answers repeat the query. The test looks in the database to check that its
		// words are not stored.
		text := answer.body
		if ask.body != "" {
			for _, asked := range strings.Fields(words) {
				text = strings.ReplaceAll(text, asked, "")
			}
		}
		for _, id := range w.lostIDs {
			require.NotContains(w.t, text, id, "%s", ask.path)
		}
		for _, found := range madeUp.FindAllString(text, -1) {
			require.True(w.t, alive[found], "%s %s says %s, which is not in %s", ask.path, ask.body, found, s.name)
		}
	}
}

// checkAll waits until everything is indexed, and compares every text.
func (w *world) checkAll() {
	w.t.Helper()
	w.service.Idle(w.t)
	require.Empty(w.t, w.db.Damage(w.t))
	for _, s := range w.spaces {
		c := w.service.With(w.t, s.token)
		apptest.AwaitIndex(w.t, c)
		for _, chat := range s.chats {
			stored, err := c.Get(w.t.Context(), chat.id)
			require.NoError(w.t, err)
			texts := map[string]int{}
			for _, m := range stored.Messages {
				texts[m.Text]++
			}
			for _, text := range chat.texts {
				texts[text]--
			}
			maps.DeleteFunc(texts, func(_ string, n int) bool { return n == 0 })
			require.Empty(w.t, texts, "the texts of %s", chat.title)
		}
		for _, n := range s.of(func(name, *modelChat) bool { return true })[:min(5, len(s.chats))] {
			word := pick(w.author, s.chats[n].words())
			found, err := c.Search(w.t.Context(), api.SearchRequest{Query: word, Mode: new(api.SearchModeKeyword)})
			require.NoError(w.t, err)
			require.NotEmpty(w.t, found.Results, word)
			require.Equal(w.t, s.chats[n].id, found.Results[0].ConversationID, word)
		}
	}
}

// own returns the player's conversations.
func (p *player) own(passes func(*modelChat) bool) []name {
	p.space.mu.Lock()
	defer p.space.mu.Unlock()
	return p.space.of(func(n name, c *modelChat) bool { return n.platform == p.platform && passes(c) })
}

func anyChat(*modelChat) bool { return true }

// moves are the actions of a player; an action that is listed several times is more
// frequent.
var moves = slices.Concat(
	slices.Repeat([]move{{"upload", (*player).uploadNew}}, 5),
	slices.Repeat([]move{{"edit", (*player).edit}}, 4),
	slices.Repeat([]move{{"rename", (*player).rename}}, 2),
	slices.Repeat([]move{{"re-send", (*player).resend}}, 2),
	slices.Repeat([]move{{"search", (*player).search}}, 2),
	slices.Repeat([]move{{"delete", (*player).deleteSome}}, 3),
	slices.Repeat([]move{{"delete by filter", (*player).deleteMatching}}, 2),
	slices.Repeat([]move{{"upload again", (*player).uploadAgain}}, 2),
	slices.Repeat([]move{{"forget messages", (*player).forget}}, 3),
	slices.Repeat([]move{{"lift", (*player).lift}}, 1),
	slices.Repeat([]move{{"delete by Fini's route", (*player).deleteAsFini}}, 2),
	slices.Repeat([]move{{"read as an assistant", (*player).readAsAssistant}}, 2),
	slices.Repeat([]move{{"delete as an assistant", (*player).deleteAsAssistant}}, 2),
	slices.Repeat([]move{{"delete by filter as an assistant", (*player).deleteMatchingAsAssistant}}, 1),
)

type move struct {
	what string
	do   func(*player, context.Context) error
}

func (p *player) send(ctx context.Context, n name, sent *modelChat) error {
	return p.sendAs(ctx, n, sent, sent.request(n))
}

// sendAs uploads a conversation by a request that need not contain all of it.
func (p *player) sendAs(ctx context.Context, n name, sent *modelChat, request api.UploadRequest) error {
	answer, err := p.client.Upload(ctx, request)
	if err != nil {
		return err
	}
	p.space.mu.Lock()
	defer p.space.mu.Unlock()
	if p.space.chats[n] == nil && p.space.excluded[n] {
		if answer.Conversation.Status != api.UploadStatusExcluded || answer.ConversationID != "" {
			return fmt.Errorf("an excluded conversation was stored: %+v", answer)
		}
		return nil
	}
	p.space.upload(n, sent, answer.ConversationID)
	return nil
}

func (p *player) uploadNew(ctx context.Context) error {
	return p.send(ctx, name{p.platform, "c" + p.word()[2:]}, p.chat())
}

// resend uploads a conversation, and sends it again like clients that have no message
// ids, or ids only for the answers.
func (p *player) resend(ctx context.Context) error {
	n, c := name{p.platform, "c" + p.word()[2:]}, p.chat()
	for range 4 {
		p.extend(c)
	}
	if err := p.send(ctx, n, c); err != nil {
		return err
	}
	for range 1 + p.IntN(3) {
		none := func(int) bool { return false }
		shapes := []func() api.UploadRequest{
			func() api.UploadRequest { // the whole conversation, the first message changed
				c.texts[c.order[0]] = p.text()
				return c.part(n, 0, none)
			},
			func() api.UploadRequest { // the whole conversation, a message in the middle changed
				c.texts[c.order[2]] = p.text()
				return c.part(n, 0, none)
			},
			func() api.UploadRequest { // the end, nothing new
				return c.part(n, 1+p.IntN(len(c.order)-1), none)
			},
			func() api.UploadRequest { // the end, its first message changed
				from := 1 + p.IntN(len(c.order)-3)
				c.texts[c.order[from]] = p.text()
				return c.part(n, from, none)
			},
			func() api.UploadRequest { // ids on the answers only, a question changed
				c.texts[c.order[0]] = p.text()
				return c.part(n, 0, func(i int) bool { return i%2 == 1 })
			},
			func() api.UploadRequest { // the end, with new messages
				from := len(c.order) - 2
				p.extend(c)
				return c.part(n, from, func(i int) bool { return i == len(c.order)-1 })
			},
		}
		if err := p.sendAs(ctx, n, c, pick(p.author, shapes)()); err != nil {
			return err
		}
	}
	return nil
}

func (p *player) edit(ctx context.Context) error {
	names := p.own(anyChat)
	if len(names) == 0 {
		return p.uploadNew(ctx)
	}
	n := pick(p.author, names)
	p.space.mu.Lock()
	next := p.space.chats[n].clone()
	p.space.mu.Unlock()
	if p.IntN(2) == 0 {
		p.extend(next)
	} else {
		next.texts[pick(p.author, next.order)] = p.text()
	}
	return p.send(ctx, n, next)
}

func (p *player) rename(ctx context.Context) error {
	names := p.own(anyChat)
	if len(names) == 0 {
		return p.uploadNew(ctx)
	}
	n := pick(p.author, names)
	title, pinned := "Renamed "+p.word(), p.IntN(2) == 0
	p.space.mu.Lock()
	id := p.space.chats[n].id
	p.space.mu.Unlock()
	_, err := p.client.Edit(ctx, api.EditRequest{ConversationID: id, Title: &title, Pinned: &pinned})
	p.space.mu.Lock()
	defer p.space.mu.Unlock()
	p.space.chats[n].title, p.space.chats[n].pinned = title, pinned
	return err
}

// search searches for stored conversations. They may not be indexed yet, so any answer is
// valid.
func (p *player) search(ctx context.Context) error {
	_, err := p.client.Search(ctx, api.SearchRequest{Query: "other things"})
	return err
}

// take chooses some of the player's conversations and deletes them from the model.
func (p *player) take(passes func(*modelChat) bool, most int, exclude bool) (ids []string) {
	names := p.own(passes)
	p.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	p.space.mu.Lock()
	defer p.space.mu.Unlock()
	return p.space.remove(names[:min(most, len(names))], exclude)
}

func (p *player) deleteSome(ctx context.Context) error {
	exclude := p.IntN(4) == 0
	ids := p.take(anyChat, 1+p.IntN(3), exclude)
	asked := slices.Concat(ids, []string{"01a2017b-a6c6-7b09-8e3c-bd716f080d91", "nobody"}, ids)
	wait := p.IntN(4) == 0
	answer, err := p.client.DeleteWith(ctx, api.DeleteRequest{IDs: asked, Exclude: &exclude, Wait: &wait})
	if err != nil {
		return err
	}
	return same(ids, answer.Deleted)
}

func (p *player) deleteMatching(ctx context.Context) error {
	r := api.DeleteMatchingRequest{Filter: &api.DeleteFilter{Provider: &p.platform}}
	passes := func(c *modelChat) bool { return !c.pinned }
	switch p.IntN(4) {
	case 0:
		r.Filter.Pinned = new(true)
		passes = func(c *modelChat) bool { return c.pinned }
	case 1:
		r.Filter.Title, r.IncludePinned = new("rEnAmEd"), new(true)
		passes = func(c *modelChat) bool { return strings.HasPrefix(c.title, "Renamed") }
	case 2:
		r.DryRun = new(true)
		answer, err := p.client.DeleteMatching(ctx, r)
		if err == nil && answer.Count != len(p.own(passes)) {
			err = fmt.Errorf("%d would be deleted, not %d", answer.Count, len(p.own(passes)))
		}
		return err
	}
	ids := p.take(passes, len(p.own(anyChat)), false)
	r.ExpectedCount = new(len(ids))
	answer, err := p.client.DeleteMatching(ctx, r)
	if err != nil {
		return err
	}
	return same(ids, answer.Deleted)
}

func (p *player) deleteAsFini(ctx context.Context) error {
	ids := p.take(anyChat, 1+p.IntN(3), false)
	if len(ids) == 0 {
		return nil
	}
	if p.IntN(2) == 0 {
		return fini.New(p.client).DeleteAtomic(ctx, ids...)
	}
	return fini.New(p.client).DeleteBulk(ctx, ids...)
}

// forget deletes messages of a conversation, and sends the conversation again as it was.
func (p *player) forget(ctx context.Context) error {
	names := p.own(anyChat)
	if len(names) == 0 {
		return p.uploadNew(ctx)
	}
	n := pick(p.author, names)
	p.space.mu.Lock()
	before := p.space.chats[n].clone()
	p.space.mu.Unlock()
	stored, err := p.client.Messages(ctx, before.id, 0, 500)
	if err != nil {
		return err
	}
	request, texts := api.DeleteMessagesRequest{ConversationID: before.id}, map[string]bool{}
	for _, m := range stored.Items {
		if p.IntN(3) == 0 || len(texts) == 0 {
			request.MessageIDs, texts[m.Text] = append(request.MessageIDs, m.ID), true
		}
	}
	answer, err := p.client.DeleteMessages(ctx, request)
	if err != nil {
		return err
	}
	if err := same(request.MessageIDs, answer.Deleted); err != nil {
		return err
	}
	p.space.mu.Lock()
	p.space.forget(n, texts)
	none := p.space.chats[n] == nil
	p.space.mu.Unlock()
	if none != answer.ConversationDeleted {
		return fmt.Errorf("the conversation was deleted: %v, and must be: %v", answer.ConversationDeleted, none)
	}
	if p.IntN(2) == 0 {
		return nil
	}
	return p.sendAs(ctx, n, before, before.part(n, 0, func(int) bool { return p.IntN(2) == 0 }))
}

// uploadAgain uploads a deleted conversation again, with new words.
func (p *player) uploadAgain(ctx context.Context) error {
	p.space.mu.Lock()
	var gone []name
	for n := range p.space.deleted {
		if n.platform == p.platform {
			gone = append(gone, n)
		}
	}
	p.space.mu.Unlock()
	if len(gone) == 0 {
		return p.uploadNew(ctx)
	}
	slices.SortFunc(gone, func(a, b name) int { return strings.Compare(a.id, b.id) })
	return p.send(ctx, pick(p.author, gone), p.chat())
}

func (p *player) lift(ctx context.Context) error {
	r := api.LiftRequest{Platform: &p.platform, PlatformConversationIDs: []string{"nobody"}}
	p.space.mu.Lock()
	for n, excluded := range p.space.excluded {
		if n.platform == p.platform && excluded {
			r.PlatformConversationIDs = append(r.PlatformConversationIDs, n.id)
			p.space.excluded[n] = false
			delete(p.space.forgotten, n)
		}
	}
	p.space.mu.Unlock()
	lifted, err := p.client.LiftExclusions(ctx, r)
	if want := len(r.PlatformConversationIDs) - 1; err == nil && lifted.Lifted != want {
		err = fmt.Errorf("%d were lifted, not %d", lifted.Lifted, want)
	}
	return err
}

func same(want, got []string) error {
	want, got = slices.Sorted(slices.Values(want)), slices.Sorted(slices.Values(got))
	if !slices.Equal(want, got) {
		return fmt.Errorf("it reports %v and not %v", got, want)
	}
	return nil
}
