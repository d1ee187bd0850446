package store_test

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/store"
	"github.com/lethe-chat/lethe/internal/store/storetest"
)

// doomed is a message that the test deletes.
type doomed struct {
	conversation chat.ConversationID
	message      chat.MessageID
}

// plantMessages fills a workspace with indexed conversations, and returns the evidence of one
// message in every twelfth. It is the first of a conversation and its title derived from it, or
// the one in the middle.
func plantMessages(t *testing.T, s *store.Store, ws chat.WorkspaceID) (e evidence, all []doomed) {
	t.Helper()
	rng := rand.New(rand.NewPCG(7, 8)) //nolint:gosec // the same words in every run
	for i := range forensicChats {
		words := map[string]string{}
		word := func(kind string) string {
			words[kind] = fmt.Sprintf("%s%dx%08x", strings.ReplaceAll(kind, " ", ""), i, rng.Uint32())
			return words[kind]
		}
		at := i / (forensicChats / forensicDoomed) % 2
		texts := []string{"first words", "more words", "last words"}
		texts[at] = word("body") + strings.Repeat("-", longBody) + word("long body")
		u := upload(fmt.Sprint("chat ", i), texts...)
		u.Title = ""
		u.Messages[at].ExternalID, u.Messages[at].Branch = word("external id"), word("branch")
		u.Messages[at].Files = []string{word("file")}
		c := create(t, s, ws, u)
		vector, halves := forensicVector(rng)
		other, _ := forensicVector(rng)
		gone, stays := spanned(0, word("term"), at), spanned(1, "common", 2)
		gone.Vector, stays.Vector = vector, other
		claim := claimOne(t, s)
		inTx(t, s, func(tx *store.Tx) error {
			return tx.FinishIndexing(claim, store.Indexed{Model: testModel, Chunks: []store.IndexedChunk{gone, stays}})
		})
		if i%(forensicChats/forensicDoomed) != 0 {
			continue
		}
		message := c.Turns[at].ID
		all = append(all, doomed{c.ID, message})
		for kind, word := range words {
			if kind == "term" && s.Name() == storetest.Postgres { // it stores numbers
				e.terms = append(e.terms, trace{kind, []byte(word)})
				continue
			}
			if kind == "term" { // SQLite's index writes of a term what the one before it has not
				word = word[strings.LastIndexByte(word, 'x'):]
			}
			e.traces = append(e.traces, trace{kind, []byte(word)})
		}
		raw := halves
		if s.Name() == storetest.SQLite {
			raw = nil
			for _, f := range vector {
				raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(f))
			}
			e.traces = append(e.traces, trace{"id", []byte(message)})
		} else {
			id := uuid.MustParse(string(message))
			e.traces = append(e.traces, trace{"id", id[:]})
		}
		e.traces = append(e.traces, trace{"vector", raw})
	}
	require.Len(t, all, forensicDoomed)
	return e, all
}

func forgetAll(t *testing.T, s *store.Store, ws chat.WorkspaceID, all []doomed) {
	t.Helper()
	for _, d := range all {
		require.Equal(t, []chat.MessageID{d.message}, mustForget(t, s, ws, d.conversation, d.message).IDs)
	}
}

// When the receipts of single messages say that the storage is reclaimed, no file of the data
// directory contains a byte of them: no page, not the full-text index, not a title, not the log.
func TestReclaimedMessagesAreGoneFromEveryFile(t *testing.T) {
	t.Parallel()
	db := storetest.New(t, storetest.SQLite)
	s := db.Open(t)
	ws := workspace(t, s, "w")
	e, all := plantMessages(t, s, ws)
	e.requirePlanted(t, dataDirectory(t, db))
	forgetAll(t, s, ws, all)
	settled, err := s.Reclaim(ctx, store.Reclaiming{})
	require.NoError(t, err)
	require.Equal(t, forensicDoomed, settled)
	require.Empty(t, e.in(dataDirectory(t, db)))
	requireSound(t, db)
}

// After `lethe reclaim --now --full` the same is true on PostgreSQL.
func TestFullyReclaimedMessagesAreGoneFromEveryFileOfPostgres(t *testing.T) {
	t.Parallel()
	storetest.OnPostgres(t, func(t *testing.T) {
		t.Parallel()
		db := storetest.NewServer(t).Database(t)
		s := db.Open(t)
		ws := workspace(t, s, "w")
		conn := db.Postgres(t)
		_, err := conn.Exec(ctx, "ALTER TABLE messages ALTER COLUMN text SET STORAGE EXTERNAL") // its bytes could not be found otherwise
		require.NoError(t, err)
		e, all := plantMessages(t, s, ws)
		_, err = conn.Exec(ctx, "ANALYZE") // as PostgreSQL does by itself, sooner or later
		require.NoError(t, err)
		before := databaseFiles(t, conn)
		e.requirePlanted(t, before)
		require.Subset(t, places(e.in(before)), []string{
			"body in conversations", "long body in pg_toast", "vector in embeddings", "external id in messages", "branch in messages", "file in messages", "id in messages",
		}, "the test looks into all of these")
		require.NotEmpty(t, e.terms)
		require.Empty(t, evidence{traces: e.terms}.in(before), "no file contains a word of the full-text index")
		forgetAll(t, s, ws, all)
		settled, err := s.Reclaim(ctx, store.Reclaiming{Full: true})
		require.NoError(t, err)
		require.Equal(t, forensicDoomed, settled)
		require.Empty(t, e.in(databaseFiles(t, conn)))
		requireSound(t, db)
	})
}
