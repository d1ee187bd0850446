package history_test

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/embed"
	"github.com/lethe-chat/lethe/internal/history"
	"github.com/lethe-chat/lethe/internal/store"
	"github.com/lethe-chat/lethe/internal/store/storetest"
)

// raceRounds is the number of races on each database: a thousand on both together. A short run (go test -short) has a
// tenth of them.
const raceRounds = 500

// A delete races with a worker that indexes the same conversation, with an upload of it, and with other deletes. All
// kinds take turns, and in some rounds one side stops just before its commit. No row is left without its
// conversation, no transaction is aborted, and exactly one delete reports each conversation.
func TestAThousandRacesOfADelete(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		rounds := raceRounds
		if testing.Short() {
			rounds /= 10
		}
		r := newRacecourse(t, db)
		races := []func(external string){
			r.indexing, r.indexingThatHasStored, r.indexingOfTheDeleted, r.indexingThatComesTooLate,
			r.renewing, r.renewingThatHasStored, r.renewingOfTheDeleted, r.renewingOfWhatIsUploaded,
			r.upload, r.uploadThatHasMerged, r.uploadOfTheDeleted,
			r.deletes, r.deleteOfTheDeleted, r.deleteByFilter,
		}
		for round := range rounds {
			races[round%len(races)](fmt.Sprint("x", round))
			require.Empty(t, r.failures, "round %d", round)
			if round%100 == 99 {
				require.Empty(t, db.Orphans(t), "round %d", round)
			}
		}
		require.NotEmpty(t, r.made)
		for _, id := range r.made {
			require.Equal(t, 1, r.reported[id], "%s is reported by exactly one delete", id)
		}
		require.Len(t, r.reported, len(r.made))
		require.Empty(t, db.Damage(t))
		for _, table := range []string{"conversations", "messages", "chunks", "embeddings"} {
			require.Zero(t, db.Rows(t)[table], table)
		}
		require.Equal(t, len(r.made), db.Count(t, "SELECT sum(conversations) FROM deletions"), "and by the receipts")
		r.close()
		require.Zero(t, db.Deadlocks(t))
	})
}

// racecourse is two programs on one database, and the results of their races.
type racecourse struct {
	t         *testing.T
	stores    [2]*store.Store
	histories [2]*history.History
	ws        chat.WorkspaceID
	made      []chat.ConversationID // every id that was ever created

	mu       sync.Mutex
	reported map[chat.ConversationID]int
	failures []error
}

// currentRecipe differs from the recipe that conversations are first indexed with, so all ready ones are behind.
var currentRecipe = store.Recipe{Model: "current"}

func newRacecourse(t *testing.T, db storetest.Database) *racecourse {
	t.Helper()
	r := &racecourse{t: t, reported: map[chat.ConversationID]int{}}
	for i := range r.stores {
		s, err := store.Open(t.Context(), db.Options())
		require.NoError(t, err)
		r.stores[i] = s
		r.histories[i] = history.New(history.Options{Store: s, Embedder: embed.NewNone()})
	}
	require.NoError(t, r.stores[0].InTx(t.Context(), func(tx *store.Tx) (err error) {
		if r.ws, err = tx.EnsureWorkspace("w"); err != nil {
			return err
		}
		_, err = tx.AdoptRecipe(currentRecipe, "")
		return err
	}))
	return r
}

func (r *racecourse) close() {
	for _, s := range r.stores {
		require.NoError(r.t, s.Close())
	}
}

// together runs all sides and waits for them.
func (r *racecourse) together(sides ...func() error) {
	var all sync.WaitGroup
	for _, side := range sides {
		all.Go(func() {
			if err := side(); err != nil {
				r.mu.Lock()
				defer r.mu.Unlock()
				r.failures = append(r.failures, err)
			}
		})
	}
	all.Wait()
}

func (r *racecourse) report(ids []chat.ConversationID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, id := range ids {
		r.reported[id]++
	}
}

// flag is raised once and can be waited for. A transaction that runs again may raise it again.
type flag struct {
	once sync.Once
	up   chan struct{}
}

func newFlag() *flag                                          { return &flag{up: make(chan struct{})} }
func (f *flag) raise()                                        { f.once.Do(func() { close(f.up) }) }
func (f *flag) wait()                                         { <-f.up }
func raised() *flag                                           { f := newFlag(); f.raise(); return f }
func (r *racecourse) one(external string) chat.ConversationID { return r.some(external)[0] }

// some creates conversations and returns their ids.
func (r *racecourse) some(externals ...string) (ids []chat.ConversationID) {
	for _, external := range externals {
		done, err := r.histories[0].AsOperator(r.ws).Ingest(r.t.Context(), say(external, "one", "two"))
		require.NoError(r.t, err)
		ids = append(ids, done.Conversation.ID)
	}
	r.made = append(r.made, ids...)
	return ids
}

func (r *racecourse) claim(id chat.ConversationID) store.Claim {
	return r.take(id, func(tx *store.Tx) ([]store.Claim, error) { return tx.Claim(time.Hour, 1, true) })
}

// behind indexes a conversation with an old model and returns a claim for its re-indexing.
func (r *racecourse) behind(id chat.ConversationID) store.Claim {
	require.NoError(r.t, r.finish(0, r.claim(id), newFlag(), raised())())
	return r.take(id, func(tx *store.Tx) ([]store.Claim, error) { return tx.ClaimBehind(currentRecipe, time.Hour) })
}

// take returns the only claim there is, which must be of this conversation.
func (r *racecourse) take(id chat.ConversationID, claim func(*store.Tx) ([]store.Claim, error)) store.Claim {
	var claims []store.Claim
	require.NoError(r.t, r.stores[0].InTx(r.t.Context(), func(tx *store.Tx) (err error) {
		claims, err = claim(tx)
		return err
	}))
	require.Len(r.t, claims, 1)
	require.Equal(r.t, id, claims[0].Conversation)
	return claims[0]
}

// removing deletes in one of the programs after start was raised. Before the commit it raises done and waits for
// goOn.
func (r *racecourse) removing(program int, ids []chat.ConversationID, start, done, goOn *flag) func() error {
	return func() error {
		start.wait()
		var gone []chat.ConversationID
		err := r.stores[program].InTx(r.t.Context(), func(tx *store.Tx) (err error) {
			gone, _, err = tx.DeleteConversations(r.ws, ids, chat.DeleteOptions{})
			done.raise()
			goOn.wait()
			return err
		})
		r.report(gone)
		return err
	}
}

// setsOut raises out just before it calls do.
func setsOut(start, out *flag, do func() error) func() error {
	return func() error {
		start.wait()
		out.raise()
		return do()
	}
}

// remove deletes through the front door.
func (r *racecourse) remove(program int, ids ...chat.ConversationID) func() error {
	return func() error {
		gone, err := r.histories[program].AsOperator(r.ws).DeleteConversations(r.t.Context(), ids, chat.DeleteOptions{})
		r.report(gone.IDs)
		return err
	}
}

// finish stores a worker's result for a claimed conversation. A lost claim is not an error.
func (r *racecourse) finish(program int, c store.Claim, stored, goOn *flag) func() error {
	x := store.Indexed{Model: embed.Model{ID: "test", Dimensions: 2}, Chunks: []store.IndexedChunk{
		{Position: 0, Text: "one", Terms: []string{"one"}, Vector: []float32{1, 0}},
		{Position: 1, Text: "two", Terms: []string{"two"}, Vector: []float32{0, 1}},
	}}
	if c.Behind {
		x = store.Indexed{Model: embed.Model{ID: currentRecipe.Model, Dimensions: 2}, Kept: []store.KeptChunk{
			{Terms: 1, Vector: []float32{0, 1}, Renewed: true}, {Terms: 1, Unreadable: true, Renewed: true},
		}}
	}
	return func() error {
		err := r.stores[program].InTx(r.t.Context(), func(tx *store.Tx) error {
			err := tx.FinishIndexing(c, x)
			stored.raise()
			goOn.wait()
			return err
		})
		if errors.Is(err, store.ErrClaimLost) {
			return nil
		}
		return err
	}
}

// ingest uploads the conversation again. If that created a new one, ingest deletes it afterwards.
func (r *racecourse) ingest(program int, external string) func() error {
	return func() error {
		done, err := r.histories[program].AsOperator(r.ws).Ingest(r.t.Context(), say(external, "one", "two", "three"))
		if err == nil {
			r.mu.Lock()
			defer r.mu.Unlock()
			if !slices.Contains(r.made, done.Conversation.ID) {
				r.made = append(r.made, done.Conversation.ID)
			}
		}
		return err
	}
}

// sweep deletes what an upload created after the delete.
func (r *racecourse) sweep() {
	ids := r.made[max(0, len(r.made)-2):]
	require.NoError(r.t, r.remove(0, ids...)())
}

func (r *racecourse) indexing(external string) {
	id := r.one(external)
	c := r.claim(id)
	r.together(r.finish(0, c, newFlag(), raised()), r.remove(1, id))
}

func (r *racecourse) indexingThatHasStored(external string) {
	id := r.one(external)
	c, stored, out := r.claim(id), newFlag(), newFlag()
	r.together(r.finish(0, c, stored, out), setsOut(stored, out, r.remove(1, id)))
}

func (r *racecourse) indexingOfTheDeleted(external string) {
	id := r.one(external)
	c, deleted, out := r.claim(id), newFlag(), newFlag()
	r.together(r.removing(0, []chat.ConversationID{id}, raised(), deleted, out), setsOut(deleted, out, r.finish(1, c, newFlag(), raised())))
}

func (r *racecourse) indexingThatComesTooLate(external string) {
	id := r.one(external)
	c := r.claim(id)
	require.NoError(r.t, r.remove(1, id)())
	require.NoError(r.t, r.finish(0, c, newFlag(), raised())())
}

func (r *racecourse) renewing(external string) {
	id := r.one(external)
	c := r.behind(id)
	r.together(r.finish(0, c, newFlag(), raised()), r.remove(1, id))
}

func (r *racecourse) renewingThatHasStored(external string) {
	id := r.one(external)
	c, stored, out := r.behind(id), newFlag(), newFlag()
	r.together(r.finish(0, c, stored, out), setsOut(stored, out, r.remove(1, id)))
}

func (r *racecourse) renewingOfTheDeleted(external string) {
	id := r.one(external)
	c, deleted, out := r.behind(id), newFlag(), newFlag()
	r.together(r.removing(0, []chat.ConversationID{id}, raised(), deleted, out), setsOut(deleted, out, r.finish(1, c, newFlag(), raised())))
}

func (r *racecourse) renewingOfWhatIsUploaded(external string) {
	id := r.one(external)
	c := r.behind(id)
	r.together(r.finish(0, c, newFlag(), raised()), r.ingest(1, external), r.remove(1, id))
	r.sweep()
}

func (r *racecourse) upload(external string) {
	id := r.one(external)
	r.together(r.ingest(0, external), r.remove(1, id), r.ingest(1, external))
	r.sweep()
}

// The upload has found the conversation and merged into it, but has not committed.
func (r *racecourse) uploadThatHasMerged(external string) {
	id := r.one(external)
	merged, out := newFlag(), newFlag()
	merging := func() error {
		return r.stores[0].InTx(r.t.Context(), func(tx *store.Tx) error {
			defer out.wait()
			defer merged.raise()
			u, err := say(external, "one", "two", "three").Validate(now)
			if err != nil {
				return err
			}
			var stored chat.Transcript
			if stored.Conversation, err = tx.LockByOrigin(r.ws, u.Origin()); err != nil {
				return err
			}
			if stored.Turns, _, err = tx.ShortTurns(r.ws, stored.ID, 0); err != nil {
				return err
			}
			_, err = tx.UpdateConversation(r.ws, stored.Conversation, chat.Merge(stored, u), chat.NewID())
			return err
		})
	}
	r.together(merging, setsOut(merged, out, r.remove(1, id)))
}

func (r *racecourse) uploadOfTheDeleted(external string) {
	id := r.one(external)
	deleted, out := newFlag(), newFlag()
	r.together(r.removing(0, []chat.ConversationID{id}, raised(), deleted, out), setsOut(deleted, out, r.ingest(1, external)))
	require.NotEqual(r.t, id, r.made[len(r.made)-1], "an upload after the delete makes a new one")
	r.sweep()
}

func (r *racecourse) deletes(external string) {
	ids := r.some(external+"a", external+"b", external+"c")
	backwards := slices.Clone(ids)
	slices.Reverse(backwards)
	r.together(r.remove(0, ids...), r.remove(1, backwards...), r.remove(0, ids[1]), r.remove(1, ids[2], ids[0]))
}

func (r *racecourse) deleteOfTheDeleted(external string) {
	ids := r.some(external+"a", external+"b")
	deleted, out := newFlag(), newFlag()
	r.together(r.removing(0, ids[1:], raised(), deleted, out), setsOut(deleted, out, r.remove(1, ids...)))
}

func (r *racecourse) deleteByFilter(external string) {
	ids := r.some(external+"a", external+"b", external+"c")
	r.together(r.remove(0, ids[2], ids[0]), func() error {
		_, gone, err := r.histories[1].AsOperator(r.ws).DeleteMatching(r.t.Context(), chat.MatchingDelete{All: true})
		r.report(gone.IDs)
		return err
	})
}
