package store_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/store"
	"github.com/lethe-chat/lethe/internal/store/storetest"
)

// keyedBy returns a request of an API key with an idempotency key.
func keyedBy(keyID, key string, sum byte) store.KeyedRequest {
	return store.KeyedRequest{KeyID: keyID, Key: key, Sum: [32]byte{sum}}
}

// beginKeyed begins a request and, if it is new, ends it with the outcome.
func beginKeyed(t testing.TB, s *store.Store, ws chat.WorkspaceID, r store.KeyedRequest, o store.Outcome) (earlier store.Outcome, done bool, err error) {
	t.Helper()
	err = s.InTx(ctx, func(tx *store.Tx) (err error) {
		if earlier, done, err = tx.BeginKeyed(ws, r); err != nil || done {
			return err
		}
		return tx.EndKeyed(ws, r, o)
	})
	return earlier, done, err
}

func TestARequestIsRecognizedByItsKey(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		s := db.OpenAt(t, (&clock{}).Now)
		mine, theirs := workspace(t, s, "mine"), workspace(t, s, "theirs")
		first := store.Outcome{Deletion: chat.DeletionID(chat.NewID()), Deleted: []byte{0b101}}
		_, done, err := beginKeyed(t, s, mine, keyedBy("a", "k", 1), first)
		require.NoError(t, err)
		require.False(t, done)

		earlier, done, err := beginKeyed(t, s, mine, keyedBy("a", "k", 1), store.Outcome{})
		require.NoError(t, err)
		require.True(t, done)
		require.Equal(t, first, earlier)

		_, _, err = beginKeyed(t, s, mine, keyedBy("a", "k", 2), store.Outcome{})
		require.True(t, fault.Is(err, fault.Mismatch), err)
		for name, other := range map[string]struct {
			ws      chat.WorkspaceID
			request store.KeyedRequest
		}{
			"another key": {mine, keyedBy("a", "l", 1)}, "another API key": {mine, keyedBy("b", "k", 1)}, "another workspace": {theirs, keyedBy("a", "k", 1)},
		} {
			_, done, err := beginKeyed(t, s, other.ws, other.request, store.Outcome{})
			require.NoError(t, err, name)
			require.False(t, done, name)
		}
	})
}

// A request that is rolled back was not done.
func TestARequestThatFailsUsesNoKey(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		s := db.OpenAt(t, (&clock{}).Now)
		ws := workspace(t, s, "w")
		undo := errors.New("undo")
		require.ErrorIs(t, s.InTx(ctx, func(tx *store.Tx) error {
			_, _, err := tx.BeginKeyed(ws, keyedBy("a", "k", 1))
			return errors.Join(err, undo)
		}), undo)
		_, done, err := beginKeyed(t, s, ws, keyedBy("a", "k", 2), store.Outcome{})
		require.NoError(t, err)
		require.False(t, done)
		inTx(t, s, func(tx *store.Tx) error {
			if _, _, err := tx.BeginKeyed(ws, keyedBy("a", "l", 1)); err != nil {
				return err
			}
			return tx.ForgetKeyed(ws, keyedBy("a", "l", 1))
		})
		_, done, err = beginKeyed(t, s, ws, keyedBy("a", "l", 2), store.Outcome{})
		require.NoError(t, err)
		require.False(t, done, "it stored nothing")
	})
}

// A key is forgotten after a day, also before the upkeep deletes it.
func TestKeysAreForgottenAfterADay(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		var c clock
		s := db.OpenAt(t, c.Now)
		ws := workspace(t, s, "w")
		begin := func(key string, sum byte) (done bool, err error) {
			_, done, err = beginKeyed(t, s, ws, keyedBy("a", key, sum), store.Outcome{})
			return done, err
		}
		_, err := begin("old", 1)
		require.NoError(t, err)
		c.Advance(chat.IdempotencyKeyLife - time.Second)
		_, err = begin("new", 1)
		require.NoError(t, err)
		done, err := begin("old", 1)
		require.NoError(t, err)
		require.True(t, done)
		require.NoError(t, s.ForgetIdempotencyKeys(ctx))
		require.Equal(t, 2, db.Rows(t)["idempotency_keys"])

		c.Advance(time.Second)
		done, err = begin("old", 2)
		require.NoError(t, err, "it is free for another request")
		require.False(t, done)
		c.Advance(chat.IdempotencyKeyLife - time.Second)
		require.NoError(t, s.ForgetIdempotencyKeys(ctx))
		require.Equal(t, 1, db.Rows(t)["idempotency_keys"], "the new one is deleted, and the old one was used again")
		c.Advance(time.Hour)
		require.NotContains(t, ill(t, s), "old idempotency keys", "the upkeep deletes them later")
		c.Advance(time.Second)
		require.Contains(t, ill(t, s), "old idempotency keys")
		require.NoError(t, s.Mend(ctx))
		require.Empty(t, ill(t, s))
		require.Zero(t, db.Rows(t)["idempotency_keys"])
	})
}

// The newest keys of each API key are remembered, however many there are.
func TestTheNumberOfKeysIsBounded(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		s := db.OpenAt(t, (&clock{}).Now)
		ws := workspace(t, s, "w")
		begin := func(keyID, key string) (done bool) {
			_, done, err := beginKeyed(t, s, ws, keyedBy(keyID, key, 1), store.Outcome{})
			require.NoError(t, err)
			return done
		}
		begin("a", "oldest")
		begin("a", "second")
		begin("b", "oldest")
		// As after as many requests as are remembered, without those in between.
		db.Break(t, fmt.Sprintf("UPDATE idempotency_keys SET number = number + %d WHERE number = 2", chat.MaxIdempotencyKeys-2))
		require.False(t, begin("a", "newest"), "the key number %d", chat.MaxIdempotencyKeys+1)
		require.Equal(t, 3, db.Rows(t)["idempotency_keys"])
		require.True(t, begin("a", "second"))
		require.True(t, begin("b", "oldest"), "each API key has its own limit")
		require.False(t, begin("a", "oldest"))
	})
}

// What answers an upload again is deleted with its conversation, and the key stays.
func TestADeleteTakesTheIDsOfAnUploadAlong(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		s := db.OpenAt(t, (&clock{}).Now)
		ws := workspace(t, s, "w")
		stored := added(t, s, ws, "x", "one")
		uploaded := store.Outcome{ImportID: stored.ImportID, Conversation: stored.ID}
		_, _, err := beginKeyed(t, s, ws, keyedBy("a", "k", 1), uploaded)
		require.NoError(t, err)
		earlier, done, err := beginKeyed(t, s, ws, keyedBy("a", "k", 1), store.Outcome{})
		require.NoError(t, err)
		require.True(t, done)
		require.Equal(t, uploaded, earlier)

		var receipt chat.Deletion
		inTx(t, s, func(tx *store.Tx) (err error) {
			_, receipt, err = tx.DeleteConversations(ws, []chat.ConversationID{stored.ID}, chat.DeleteOptions{})
			return err
		})
		all := strings.Join(dump(t, s, ws), "\n")
		require.NotContains(t, all, string(stored.ID))
		require.NotContains(t, all, stored.ImportID)
		_, findings, err := s.Prove(context.Background(), receipt.ID)
		require.NoError(t, err)
		for _, f := range findings {
			require.Zero(t, f.Count, f.Check)
		}
		earlier, done, err = beginKeyed(t, s, ws, keyedBy("a", "k", 1), store.Outcome{})
		require.NoError(t, err)
		require.True(t, done)
		require.Equal(t, store.Outcome{}, earlier)
	})
}

// Neither the key nor the request can be read from the database.
func TestKeysAreStoredAsHashes(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		s := db.OpenAt(t, (&clock{}).Now)
		ws := workspace(t, s, "w")
		r := keyedBy("a", "snarkfeld", 0)
		copy(r.Sum[:], "the checksum of what is deleted.")
		_, _, err := beginKeyed(t, s, ws, r, store.Outcome{Deleted: []byte{1}})
		require.NoError(t, err)
		all := strings.Join(dump(t, s, ws), "\n")
		require.Contains(t, all, "request_hash")
		require.NotContains(t, all, "snarkfeld")
		require.NotContains(t, all, "the checksum")
		require.NotContains(t, all, strings.Trim(fmt.Sprint([]byte("the checksum of")), "[]"))
	})
}

// A transaction with a key that another one uses waits for the other, and does not do the same again.
func TestTwoTransactionsWithOneKey(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		one, other := db.OpenAt(t, (&clock{}).Now), db.OpenAt(t, (&clock{}).Now)
		ws := workspace(t, one, "w")
		type answer struct {
			outcome store.Outcome
			done    bool
			err     error
		}
		first, second := store.Outcome{Deleted: []byte{1}}, make(chan answer, 1)
		inTx(t, one, func(tx *store.Tx) error {
			_, done, err := tx.BeginKeyed(ws, keyedBy("a", "k", 1))
			require.False(t, done)
			if err != nil {
				return err
			}
			go func() {
				o, done, err := beginKeyed(t, other, ws, keyedBy("a", "k", 1), store.Outcome{Deleted: []byte{2}})
				second <- answer{o, done, err}
			}()
			return tx.EndKeyed(ws, keyedBy("a", "k", 1), first)
		})
		require.Equal(t, answer{first, true, nil}, <-second)
	})
}
