package store_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/store"
	"github.com/lethe-chat/lethe/internal/store/storetest"
)

// Once a receipt says that the storage is reclaimed, no byte of what was deleted
// is in any file of the data directory: not in a page, not in the full-text
// index, not in the log.
func TestReclaimedMeansGoneFromEveryFile(t *testing.T) {
	const chats, doomed = 300, 50
	db := storetest.New(t, storetest.SQLite)
	s := db.Open(t)
	ws := workspace(t, s, "w")
	rng := rand.New(rand.NewPCG(5, 6)) //nolint:gosec // the same words in every run
	var ids []string
	var traces [][]byte
	for i := range chats {
		word := func(kind string) string { return fmt.Sprintf("%s%dx%08x", kind, i, rng.Uint32()) }
		title, body, passage, term := word("title"), word("body"), word("passage"), word("term")
		c := transcript(t, word("external"), body+" was said", "and answered")
		c.Title, c.UpdatedAt = title, start.Add(time.Duration(rng.Uint64N(1e15))*time.Microsecond) // like no other's
		createAll(t, s, ws, c)
		vector := make([]float32, 16)
		for j := range vector {
			vector[j] = rng.Float32()
		}
		x := store.Indexed{Model: testModel, Chunks: []store.IndexedChunk{
			{Text: passage, Terms: []string{term, "common", "words", fmt.Sprint("bucket", i%7)}, Vector: vector},
		}}
		claim := claimOne(t, s)
		inTx(t, s, func(tx *store.Tx) error { return tx.FinishIndexing(claim, x) })
		if i%(chats/doomed) != 0 {
			continue
		}
		ids = append(ids, c.ID)
		raw := make([]byte, 0, 64)
		for _, f := range vector {
			raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(f))
		}
		traces = append(traces, raw[:32], []byte(c.ExternalID), binary.BigEndian.AppendUint64(nil, uint64(c.UpdatedAt.UnixMicro())))
		for _, text := range []string{title, body, passage, term} {
			traces = append(traces, []byte(text))
		}
	}
	require.Len(t, ids, doomed)
	require.Len(t, found(t, db, traces), len(traces), "what is looked for is there to be found")

	inTx(t, s, func(tx *store.Tx) error {
		gone, _, err := tx.DeleteConversations(ws, ids, chat.DeleteOptions{})
		require.Len(t, gone, doomed)
		return err
	})
	settled, err := s.Reclaim(ctx, false)
	require.NoError(t, err)
	require.Equal(t, 1, settled)
	require.Empty(t, found(t, db, traces))
}

// found lists those of the traces that some file of the data directory has.
func found(t *testing.T, db storetest.Database, traces [][]byte) (left []string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(filepath.Dir(db.Options().Path), "*"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, trace := range traces {
		for _, file := range files {
			content, err := os.ReadFile(file)
			require.NoError(t, err)
			if bytes.Contains(content, trace) {
				left = append(left, fmt.Sprintf("%s: %q", filepath.Base(file), trace))
				break
			}
		}
	}
	return left
}
