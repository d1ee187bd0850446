package bench_test

import (
	"context"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/history"
	"github.com/lethe-chat/lethe/internal/store/storetest"
	"github.com/lethe-chat/lethe/pkg/api"
)

// BenchmarkUpload stores new conversations, and inserts the same rows into the same
// tables, with the same keys and indexes, in one transaction with COPY only (SQLite: with
// prepared statements). Requests and rows are built before. The service validates the
// upload, checks whether the conversation is stored or was deleted, and numbers it: one
// conversation in a call over HTTP, one through the store, and many together.
func BenchmarkUpload(b *testing.B) {
	source, _ := filled(b, *database, newCorpus(2), map[string]int{"bench": 250})
	ours, plain := source.Clone(b), source.Clone(b)
	service := start(b, ours, directions{})
	client := service.client(b, "bench")
	insert := plainInsert(b, plain)
	made := newCorpus(3)
	ways := []struct {
		name          string
		conversations int
		rounds        int
		send          func([]chat.Upload) error
	}{
		{"http", 1, 500, func(list []chat.Upload) error {
			_, err := client.Upload(b.Context(), request(list[0]))
			return err
		}},
		{"store", 1, 500, func(list []chat.Upload) error {
			_, err := service.history.AsOperator(1).Ingest(b.Context(), list[0])
			return err
		}},
		{"store", 100, 41, func(list []chat.Upload) error {
			_, err := service.history.AsOperator(1).IngestAll(b.Context(), list, history.Delivery{})
			return err
		}},
	}
	for _, way := range ways {
		b.Run(fmt.Sprintf("%s/conversations=%d", way.name, way.conversations), func(b *testing.B) {
			var uploads []chat.Upload
			var copies rows
			report(b, duel{
				prepare: func(int) {
					list := make([]conversation, way.conversations)
					uploads = nil
					for i := range list {
						list[i] = made.conversation()
						uploads = append(uploads, upload(list[i]))
					}
					copies = uploaded(list)
				},
				ours:  func(int) { require.NoError(b, way.send(uploads)) },
				plain: func(int) { insert(copies) },
			}.run(b, way.rounds), way.conversations)
		})
	}
}

// report adds the number of rows in a second: the conversations, their messages, and
// their import.
func report(b *testing.B, t times, conversations int) {
	rows := float64(conversations*(1+messagesEach) + 1)
	b.ReportMetric(rows/median(t.ours).Seconds(), "ours-rows/s")
	b.ReportMetric(rows/median(t.plain).Seconds(), "plain-rows/s")
}

// upload returns a conversation as in an export file.
func upload(c conversation) chat.Upload {
	u := chat.Upload{Platform: "bench", ExternalID: c.id, Title: "made up"}
	for i, text := range c.messages {
		u.Messages = append(u.Messages, chat.UploadMessage{
			ExternalID: strconv.Itoa(i), Role: []string{"human", "assistant"}[i%2], Text: text, CreatedAt: time.Now(),
		})
	}
	return u
}

func request(u chat.Upload) api.UploadRequest {
	r := api.UploadRequest{Platform: &u.Platform, Conversation: api.UploadedChat{ID: u.ExternalID, Title: &u.Title}}
	for _, m := range u.Messages {
		at := api.NewTime(m.CreatedAt)
		r.Conversation.Messages = append(r.Conversation.Messages, api.UploadedMessage{
			ID: &m.ExternalID, Role: m.Role, Content: m.Text, CreatedAt: &at,
		})
	}
	return r
}

// plainInsert returns a function that inserts the rows of uploads in one transaction: on
// SQLite with prepared statements, on PostgreSQL with COPY.
func plainInsert(b *testing.B, db storetest.Database) func(rows) {
	ctx := context.Background()
	if db.Kind == storetest.Postgres {
		conn := db.PlainPostgres(b)
		return func(r rows) {
			tx, err := conn.Begin(ctx)
			require.NoError(b, err)
			for _, table := range uploadTables {
				names, source := copying(table, r[table], nil)
				_, err := tx.CopyFrom(ctx, []string{table}, names, source)
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
	return func(r rows) {
		// The only connection is in this transaction, so the statements use it.
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

// uploaded returns the rows of conversations that were uploaded together and are not
// indexed yet.
func uploaded(list []conversation) rows {
	all := rows{"imports": {{1, chat.NewID(), "upload", "bench", len(list), len(list) * messagesEach, time.Now().UnixMicro()}}}
	for _, c := range list {
		r := rowsOf(1, conversation{id: c.id, messages: c.messages})
		for table := range r {
			all[table] = append(all[table], r[table]...)
		}
	}
	return all
}
