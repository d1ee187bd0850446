package store

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/store/dialect"
)

// Finding is what an examination of the whole database says about one thing.
type Finding = dialect.Finding

// examination is one check: a count of what is wrong, and the statements that
// mend it. A check without statements can only be reported.
type examination struct {
	check, detail string
	count         string
	mend          []string
}

// examinations are the checks that are the same on both databases. They look at
// all workspaces, which nothing else does, and take as long as the tables are large.
var examinations = []examination{
	orphans("messages"), orphans("chunks"), orphans("embeddings"),
	{
		check:  "vectors without a passage",
		detail: "vectors whose passage is gone: they could answer a search with nothing to show",
		count:  "SELECT count(*) FROM embeddings AS x WHERE " + chunkMissing,
		mend:   []string{"DELETE FROM embeddings AS x WHERE " + chunkMissing},
	},
	{
		check:  "passages without a vector",
		detail: "passages of indexed conversations that have none, although no model was unable to read them: search by meaning cannot find them",
		count:  "SELECT count(*) FROM chunks AS x WHERE " + vectorMissing + " AND EXISTS (" + readyOf + ")",
		mend: []string{"UPDATE conversations AS c SET index_state = 'queued', attempts = 0, run_after = @now, indexed_revision = 0 WHERE c.index_state = 'ready' AND EXISTS (" +
			"SELECT 1 FROM chunks AS x WHERE x.workspace_id = c.workspace_id AND x.conversation_id = c.id AND " + vectorMissing + ")"},
	},
	{
		check:  "counters that drifted",
		detail: "conversations whose stored counts of messages, passages, vectors or words are not those of their rows",
		count:  "SELECT count(*) FROM conversations AS c WHERE " + drifted,
		mend: []string{"UPDATE conversations AS c SET message_count = (" + messagesOf + "), chunk_count = (" + chunksOf +
			"), term_count = (" + termsOf + "), vector_count = (" + vectorsOf + "), unreadable_count = (" + unreadableOf + ") WHERE " + drifted},
	},
	{
		check:  "indexed at another revision",
		detail: "conversations that call themselves ready and are indexed as they were before a change",
		count:  "SELECT count(*) FROM conversations AS c WHERE " + stale,
		mend:   []string{"UPDATE conversations AS c SET index_state = 'queued', attempts = 0, run_after = @now, indexed_revision = 0 WHERE " + stale},
	},
	{
		check:  "made by another model than said",
		detail: "conversations with vectors of a model that they do not name: a change of the model would pass them over",
		count:  "SELECT count(*) FROM conversations AS c WHERE " + mislabelled,
		mend:   []string{"UPDATE conversations AS c SET recipe_id = " + unknownRecipe + " WHERE " + mislabelled},
	},
}

// unknownRecipe is the number of the recipe that says nothing, see migration 6:
// what it made is always made anew.
const unknownRecipe = "1"

const (
	chunkMissing = `NOT EXISTS (SELECT 1 FROM chunks AS k WHERE k.workspace_id = x.workspace_id
		AND k.conversation_id = x.conversation_id AND k.position = x.position)`
	vectorMissing = `x.unreadable_by = '' AND NOT EXISTS (SELECT 1 FROM embeddings AS e WHERE e.workspace_id = x.workspace_id
		AND e.conversation_id = x.conversation_id AND e.position = x.position)`
	readyOf      = "SELECT 1 FROM conversations AS c WHERE c.workspace_id = x.workspace_id AND c.id = x.conversation_id AND c.index_state = 'ready'"
	messagesOf   = "SELECT count(*) FROM messages AS x WHERE x.workspace_id = c.workspace_id AND x.conversation_id = c.id"
	chunksOf     = "SELECT count(*) FROM chunks AS x WHERE x.workspace_id = c.workspace_id AND x.conversation_id = c.id"
	termsOf      = "SELECT coalesce(sum(x.term_count), 0) FROM chunks AS x WHERE x.workspace_id = c.workspace_id AND x.conversation_id = c.id"
	vectorsOf    = "SELECT count(*) FROM embeddings AS x WHERE x.workspace_id = c.workspace_id AND x.conversation_id = c.id"
	unreadableOf = "SELECT count(*) FROM chunks AS x WHERE x.workspace_id = c.workspace_id AND x.conversation_id = c.id AND x.unreadable_by <> ''"
	drifted      = "c.message_count <> (" + messagesOf + ") OR c.chunk_count <> (" + chunksOf + ") OR c.term_count <> (" + termsOf +
		") OR c.vector_count <> (" + vectorsOf + ") OR c.unreadable_count <> (" + unreadableOf + ")"
	stale       = "c.index_state = 'ready' AND c.indexed_revision <> c.revision"
	itsModel    = "(SELECT r.model FROM recipes AS r WHERE r.id = c.recipe_id)"
	mislabelled = "c.chunk_count > 0 AND c.recipe_id <> " + unknownRecipe + " AND (c.recipe_id = 0 OR EXISTS (" +
		"SELECT 1 FROM embeddings AS x WHERE x.workspace_id = c.workspace_id AND x.conversation_id = c.id AND x.model <> " + itsModel + ") OR EXISTS (" +
		"SELECT 1 FROM chunks AS x WHERE x.workspace_id = c.workspace_id AND x.conversation_id = c.id AND x.unreadable_by NOT IN ('', " + itsModel + ")))"
)

func orphans(table string) examination {
	missing := "NOT EXISTS (SELECT 1 FROM conversations AS c WHERE c.workspace_id = x.workspace_id AND c.id = x.conversation_id)"
	return examination{
		check:  table + " of no conversation",
		detail: "rows that a delete should have taken",
		count:  "SELECT count(*) FROM " + table + " AS x WHERE " + missing,
		mend:   []string{"DELETE FROM " + table + " AS x WHERE " + missing},
	}
}

// stuckAfter is how long past its time a conversation may wait for a worker
// before something is wrong with the workers.
const stuckAfter = 15 * time.Minute

// Examine looks through the whole database for what must never be, and returns a
// finding a check, healthy ones included.
func (s *Store) Examine(ctx context.Context) ([]Finding, error) {
	var findings []Finding
	for _, x := range examinations {
		n, err := s.countOf(ctx, x.count)
		if err != nil {
			return nil, err
		}
		findings = append(findings, Finding{Check: x.check, Count: n, Detail: x.detail, Fixable: len(x.mend) > 0})
	}
	stuck, err := s.countOf(ctx, "SELECT count(*) FROM conversations WHERE index_state IN ('queued', 'indexing') AND run_after < ?",
		dialect.Micros(s.config.Now().Add(-stuckAfter)))
	if err != nil {
		return nil, err
	}
	findings = append(findings, Finding{
		Check: "waiting for a worker", Count: stuck,
		Detail: "conversations that have been due for indexing for more than 15 minutes: is `lethe serve` running?",
	})
	changing, err := s.examineChange(ctx)
	if err != nil {
		return nil, err
	}
	findings = append(findings, changing)
	own, err := s.database.Examine(ctx)
	return append(findings, own...), s.fault(err)
}

// examineChange tells how far a change of model is. That it goes on is nothing wrong.
func (s *Store) examineChange(ctx context.Context) (Finding, error) {
	left, err := s.View(ctx).Behind()
	f := Finding{
		Check: "given up in a change of model", Count: left.Failed, Fixable: true,
		Detail: "conversations that could not be indexed with the current model (the log says why), and are tried again when the service starts",
	}
	if left.Pending > 0 {
		f.Note = fmt.Sprintf("%d conversations are still to be indexed anew with %s", left.Pending, left.Model)
	}
	return f, err
}

// Mend puts right what Examine found and is fixable, all in one transaction, and
// then what a database can only rebuild outside of one.
func (s *Store) Mend(ctx context.Context) error {
	err := s.InTx(ctx, func(tx *Tx) error {
		for _, x := range examinations {
			for _, statement := range x.mend {
				var args []any
				if strings.Contains(statement, "@now") {
					args = append(args, sql.Named("now", dialect.Micros(tx.now)))
				}
				if err := tx.db.Exec(statement, args...).Error; err != nil {
					return err
				}
			}
		}
		return tx.tryAgain()
	})
	if err != nil {
		return err
	}
	return s.fault(s.database.Mend(ctx))
}

func (s *Store) countOf(ctx context.Context, query string, args ...any) (int, error) {
	var n int64
	err := s.read(ctx).Raw(query, args...).Scan(&n).Error // never keeps the writer of SQLite
	return int(n), s.fault(err)
}

// VectorSearch tells how a workspace's vectors are searched at the moment.
func (v *View) VectorSearch(ws chat.WorkspaceID, model string, dimensions int) (chat.VectorSearch, error) {
	var n int
	if err := dialect.CountPassages(v.filtered(ws, chat.Filter{})).Row().Scan(&n); err != nil {
		return "", v.fault(err)
	}
	state, err := v.database.VectorSearch(v.db, VectorSpace{Workspace: ws, Model: model, Dimensions: dimensions, Vectors: n}, v.exactLimit)
	return state, v.fault(err)
}
