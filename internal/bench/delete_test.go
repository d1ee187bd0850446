package bench_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/store/storetest"
)

// bystanders is how many conversations are not deleted.
const bystanders = 2000

// deletion is how many conversations a call deletes, in how many rounds it is measured,
// and in how many of them also as GORM's users often do it.
type deletion struct{ conversations, rounds, rowByRow int }

// deletions are the measured sizes. The data of the last two take minutes to generate,
// and GORM takes minutes to delete them.
func deletions() []deletion {
	if *large {
		return []deletion{{1, 15, 5}, {50, 11, 3}, {1000, 2, 1}, {5000, 1, 1}}
	}
	return []deletion{{1, 15, 5}, {50, 11, 2}, {500, 2, 0}}
}

// memoryMatters is the number of conversations from which the memory of a delete is
// measured, which itself takes a millisecond.
const memoryMatters = 500

// BenchmarkDelete compares three ways to delete conversations: through client, service
// and store; with the one statement that does the same; and with GORM row by row. Each
// has a copy of the same database and the same ids.
func BenchmarkDelete(b *testing.B) {
	victims := 0
	for _, d := range deletions() {
		victims += d.conversations * d.rounds
	}
	source, ids := filled(b, *database, newCorpus(1), map[string]int{"bench": bystanders + victims})
	ours, plain, third := source.Clone(b), source.Clone(b), source.Clone(b)
	client := start(b, ours, directions{}).client(b, "bench")
	sql, gorm := plainDelete(b, plain), gormDelete(b, third)
	left := ids["bench"][bystanders/2:] // some were created before the deleted ones, some after
	for _, d := range deletions() {
		b.Run(fmt.Sprintf("conversations=%d", d.conversations), func(b *testing.B) {
			var batch []string
			var memory watched
			var rowByRow []time.Duration
			t := duel{
				prepare: func(round int) {
					batch, left = left[:d.conversations], left[d.conversations:]
					if round < d.rowByRow {
						rowByRow = append(rowByRow, timed(func(int) { gorm(batch) }, round))
					}
				},
				ours: func(int) {
					if d.conversations >= memoryMatters {
						defer memory.watch()()
					}
					answer, err := client.Delete(b.Context(), batch...)
					require.NoError(b, err)
					require.Equal(b, d.conversations, answer.Count)
				},
				plain: func(int) { require.Equal(b, d.conversations, sql(batch)) },
			}.run(b, d.rounds)
			b.ReportMetric(ms(median(t.ours))/float64(d.conversations), "ours-ms/conversation")
			if d.conversations >= memoryMatters {
				memory.report(b)
			}
			if len(rowByRow) > 0 {
				b.ReportMetric(ms(median(rowByRow)), "gorm-ms")
				b.ReportMetric(float64(median(rowByRow))/float64(median(t.plain)), "gorm-x-plain")
			}
		})
	}
}

// plainDelete returns a function that deletes with SQL only and returns how many
// conversations it deleted.
func plainDelete(b *testing.B, db storetest.Database) func(ids []string) int {
	ctx := context.Background()
	if db.Kind == storetest.Postgres {
		conn := db.PlainPostgres(b)
		return func(ids []string) (n int) {
			tx, err := conn.Begin(ctx)
			require.NoError(b, err)
			gone, err := tx.Query(ctx, "DELETE FROM conversations WHERE workspace_id = $1 AND id = ANY ($2) RETURNING id", 1, ids)
			require.NoError(b, err)
			for gone.Next() {
				var id string
				require.NoError(b, gone.Scan(&id))
				n++
			}
			require.NoError(b, gone.Err())
			require.NoError(b, tx.Commit(ctx))
			return n
		}
	}
	pool := db.PlainSQLite(b)
	return func(ids []string) (n int) {
		tx, err := pool.BeginTx(ctx, nil)
		require.NoError(b, err)
		for batch := range slices.Chunk(ids, sqliteDelete) {
			list, err := json.Marshal(batch)
			require.NoError(b, err)
			gone, err := tx.QueryContext(ctx, "DELETE FROM conversations WHERE workspace_id = ? AND id IN (SELECT value FROM json_each(?)) RETURNING id", 1, string(list))
			require.NoError(b, err)
			for gone.Next() {
				var id string
				require.NoError(b, gone.Scan(&id))
				n++
			}
			require.NoError(b, gone.Err())
			require.NoError(b, gone.Close())
		}
		require.NoError(b, tx.Commit())
		return n
	}
}

// sqliteDelete is how many conversations one statement takes on SQLite: one over
// thousands needs more memory than its driver has.
const sqliteDelete = 500

// The tables as GORM's users would write them down.
type (
	conversationModel struct {
		WorkspaceID int64  `gorm:"primaryKey"`
		ID          string `gorm:"primaryKey"`
		Title       string
	}
	messageModel struct {
		WorkspaceID    int64  `gorm:"primaryKey"`
		ConversationID string `gorm:"primaryKey"`
		Position       int    `gorm:"primaryKey"`
		Text           string
	}
	chunkModel     messageModel
	embeddingModel struct {
		WorkspaceID    int64  `gorm:"primaryKey"`
		ConversationID string `gorm:"primaryKey"`
		Position       int    `gorm:"primaryKey"`
		Model          string
	}
)

func (conversationModel) TableName() string { return "conversations" }
func (messageModel) TableName() string      { return "messages" }
func (chunkModel) TableName() string        { return "chunks" }
func (embeddingModel) TableName() string    { return "embeddings" }

// gormDelete returns a function that loads the rows and deletes one after the
// other, children first, in one transaction.
func gormDelete(b *testing.B, db storetest.Database) func(ids []string) {
	gorm := db.PlainGORM(b)
	return func(ids []string) {
		tx := gorm.Begin()
		require.NoError(b, tx.Error)
		each := func(rows any, query string, remove func()) {
			require.NoError(b, tx.Where(query, 1, ids).Find(rows).Error)
			remove()
		}
		const children = "workspace_id = ? AND conversation_id IN ?"
		var embeddings []embeddingModel
		each(&embeddings, children, func() {
			for i := range embeddings {
				require.NoError(b, tx.Delete(&embeddings[i]).Error)
			}
		})
		var chunks []chunkModel
		each(&chunks, children, func() {
			for i := range chunks {
				require.NoError(b, tx.Delete(&chunks[i]).Error)
			}
		})
		var messages []messageModel
		each(&messages, children, func() {
			for i := range messages {
				require.NoError(b, tx.Delete(&messages[i]).Error)
			}
		})
		var conversations []conversationModel
		each(&conversations, "workspace_id = ? AND id IN ?", func() {
			for i := range conversations {
				require.NoError(b, tx.Delete(&conversations[i]).Error)
			}
		})
		require.NoError(b, tx.Commit().Error)
	}
}
