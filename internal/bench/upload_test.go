package bench_test

import (
	"context"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/store"
	"github.com/lethe-chat/lethe/internal/store/storetest"
	"github.com/lethe-chat/lethe/pkg/api"
)

// uploadRows are the rows that an upload writes: the conversation, its messages,
// and the import that brought it.
const uploadRows = 1 + messagesEach + 1

// BenchmarkUpload stores new conversations, and beside it inserts the same rows
// with SQL alone: through HTTP and one at a time, and through the store and many
// in one transaction.
func BenchmarkUpload(b *testing.B) {
	source, _ := filled(b, *database, newCorpus(2), map[string]int{"bench": 250})
	ours, plain := source.Clone(b), source.Clone(b)
	service := start(b, ours, directions{})
	client := service.client(b, "bench")
	insert := plainInsert(b, plain)
	made := newCorpus(3)

	b.Run("conversations=1", func(b *testing.B) {
		var next conversation
		report(b, duel{
			prepare: func(int) { next = made.conversation() },
			ours: func(int) {
				_, err := client.Upload(b.Context(), request(next))
				require.NoError(b, err)
			},
			plain: func(int) { insert([]conversation{next}) },
		}.run(b, 1500), 1)
	})
	const many = 100
	b.Run(fmt.Sprintf("conversations=%d/one-transaction", many), func(b *testing.B) {
		var next []conversation
		report(b, duel{
			prepare: func(int) {
				next = nil
				for range many {
					next = append(next, made.conversation())
				}
			},
			ours: func(int) {
				require.NoError(b, service.store.InTx(b.Context(), func(tx *store.Tx) error { return create(tx, next) }))
			},
			plain: func(int) { insert(next) },
		}.run(b, 11), many)
	})
}

// report adds how many rows a second that is.
func report(b *testing.B, t times, conversations int) {
	rows := float64(conversations * uploadRows)
	b.ReportMetric(rows/median(t.ours).Seconds(), "ours-rows/s")
	b.ReportMetric(rows/median(t.plain).Seconds(), "plain-rows/s")
}

func request(c conversation) api.UploadRequest {
	platform, title := "bench", "made up"
	r := api.UploadRequest{Platform: &platform, Conversation: api.UploadedChat{ID: c.id, Title: &title}}
	for i, text := range c.messages {
		id, at := strconv.Itoa(i), api.NewTime(time.Now())
		r.Conversation.Messages = append(r.Conversation.Messages, api.UploadedMessage{
			ID: &id, Role: []string{"human", "assistant"}[i%2], Content: text, CreatedAt: &at,
		})
	}
	return r
}

// create stores conversations as an import of many would.
func create(tx *store.Tx, conversations []conversation) error {
	for _, c := range conversations {
		u := chat.Upload{Platform: "bench", ExternalID: c.id, Title: "made up"}
		for i, text := range c.messages {
			u.Messages = append(u.Messages, chat.UploadMessage{ExternalID: strconv.Itoa(i), Role: []string{"human", "assistant"}[i%2], Text: text})
		}
		if err := u.Normalize(time.Now()); err != nil {
			return err
		}
		t := chat.NewTranscript(u)
		t.ImportID = chat.NewID()
		if made, err := tx.CreateConversation(1, t); err != nil || !made {
			return fmt.Errorf("made: %v, %w", made, err)
		}
		if err := tx.CreateImport(1, chat.Import{ID: t.ImportID, Kind: "upload", Platform: "bench", Conversations: 1, Messages: messagesEach}); err != nil {
			return err
		}
	}
	return nil
}

// plainInsert returns a function that inserts the rows of uploads in one
// transaction: on SQLite with statements prepared once, on PostgreSQL with COPY.
func plainInsert(b *testing.B, db storetest.Database) func([]conversation) {
	ctx := context.Background()
	if db.Kind == storetest.Postgres {
		conn := db.PlainPostgres(b)
		return func(list []conversation) {
			r := uploaded(list)
			tx, err := conn.Begin(ctx)
			require.NoError(b, err)
			for _, table := range uploadTables {
				_, err := tx.CopyFrom(ctx, []string{table}, columns[table], &copied{rows: r[table]})
				require.NoError(b, err)
			}
			require.NoError(b, tx.Commit(ctx))
		}
	}
	pool := db.PlainSQLite(b)
	insert := map[string]func(row []any){}
	for _, table := range uploadTables {
		stmt, err := pool.PrepareContext(ctx, insertStatement(table, 1))
		require.NoError(b, err)
		b.Cleanup(func() { _ = stmt.Close() })
		insert[table] = func(row []any) {
			_, err := stmt.ExecContext(ctx, row...)
			require.NoError(b, err)
		}
	}
	return func(list []conversation) {
		// The one connection is in this transaction, so the statements are in it too.
		r := uploaded(list)
		_, err := pool.ExecContext(ctx, "BEGIN IMMEDIATE")
		require.NoError(b, err)
		for _, table := range uploadTables {
			for _, row := range r[table] {
				insert[table](row)
			}
		}
		_, err = pool.ExecContext(ctx, "COMMIT")
		require.NoError(b, err)
	}
}

var uploadTables = []string{"conversations", "messages", "imports"}

// uploaded are the rows of conversations that are not indexed yet.
func uploaded(list []conversation) rows {
	all := rows{}
	for _, c := range list {
		r := rowsOf(1, conversation{id: c.id, messages: c.messages})
		for table := range r {
			all[table] = append(all[table], r[table]...)
		}
		all["imports"] = append(all["imports"], []any{1, chat.NewID(), "upload", "bench", 1, messagesEach, time.Now().UnixMicro()})
	}
	return all
}
