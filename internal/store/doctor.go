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

// Finding is the result of one check of the database.
type Finding = dialect.Finding

// examination is one check: a statement that counts problems, and the statements that
// repair them. A check without repair statements only reports.
type examination struct {
	check, detail string
	count         string
	mend          []string
}

// examinations are the checks that are the same on both databases. They read the tables
// of all workspaces whole, so they take time on a large database.
var examinations = []examination{
	orphans("messages"), orphans("chunks"), orphans("embeddings"), orphans("idempotent_uploads"),
	{
		check:  "vectors without a passage",
		detail: "vectors whose passage was deleted: a search could find them and have nothing to show",
		count:  "SELECT count(*) FROM embeddings AS x WHERE " + chunkMissing,
		mend:   []string{"DELETE FROM embeddings AS x WHERE " + chunkMissing},
	},
	{
		check:  "passages without a vector",
		detail: "passages that have no vector although the model can read them: search by meaning does not find them",
		count:  "SELECT count(*) FROM chunks AS x WHERE " + vectorMissing + " AND EXISTS (" + readyOf + ")",
		mend: []string{"UPDATE conversations AS c SET index_state = 'queued', attempts = 0, run_after = @now, indexed_revision = 0 WHERE c.index_state = 'ready' AND EXISTS (" +
			"SELECT 1 FROM chunks AS x WHERE x.workspace_id = c.workspace_id AND x.conversation_id = c.id AND " + vectorMissing + ")"},
	},
	{
		check:  "wrong counters",
		detail: "conversations whose stored counts of messages, passages, vectors or terms differ from their rows",
		count:  "SELECT count(*) FROM conversations AS c WHERE " + drifted,
		mend: []string{"UPDATE conversations AS c SET message_count = (" + messagesOf + "), chunk_count = (" + chunksOf +
			"), term_count = (" + termsOf + "), vector_count = (" + vectorsOf + "), unreadable_count = (" + unreadableOf + ") WHERE " + drifted},
	},
	{
		check:  "outdated indexes",
		detail: "conversations in state ready whose index was built for another revision",
		count:  "SELECT count(*) FROM conversations AS c WHERE " + stale,
		mend:   []string{"UPDATE conversations AS c SET index_state = 'queued', attempts = 0, run_after = @now, indexed_revision = 0 WHERE " + stale},
	},
	{
		check:  "vectors of another model than recorded",
		detail: "conversations with vectors of another model than recorded: a change of the model would skip them",
		count:  "SELECT count(*) FROM conversations AS c WHERE " + mislabelled,
		mend:   []string{"UPDATE conversations AS c SET recipe_id = " + unknownRecipe + " WHERE " + mislabelled},
	},
	{
		check:  "old idempotency keys",
		detail: "idempotency keys that should have been deleted after 24 hours: is `lethe serve` running?",
		count:  "SELECT count(*) " + oldKeys,
		mend:   []string{"DELETE " + oldKeys},
	},
}

// oldKeys selects the idempotency keys that the upkeep should have deleted an hour ago. @now is the
// time in microseconds.
const oldKeys = "FROM idempotency_keys WHERE used_at <= @now - 90000000000"

// unknownRecipe is the number of the recipe about which nothing is known (see migration
// 6): conversations with it are always re-indexed.
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
		check:  table + " without a conversation",
		detail: "rows that a delete should have removed",
		count:  "SELECT count(*) FROM " + table + " AS x WHERE " + missing,
		mend:   []string{"DELETE FROM " + table + " AS x WHERE " + missing},
	}
}

// stuckAfter is how long a conversation may be overdue for indexing before the workers
// must be assumed to have a problem.
const stuckAfter = 15 * time.Minute

// Examine checks the whole database for inconsistencies and returns one finding per
// check, also when there is no problem.
func (s *Store) Examine(ctx context.Context) ([]Finding, error) {
	var findings []Finding
	for _, x := range examinations {
		n, err := s.countOf(ctx, x.count, at(x.count, s.config.Now())...)
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
		Check: "overdue indexing", Count: stuck,
		Detail: "conversations that have waited for more than 15 minutes to be indexed: is `lethe serve` running?",
	})
	changing, err := s.examineChange(ctx)
	if err != nil {
		return nil, err
	}
	findings = append(findings, changing)
	own, err := s.database.Examine(ctx)
	return append(findings, own...), s.fault(err)
}

// examineChange reports the progress of a change of the model. Unfinished work is no
// problem; conversations that failed are.
func (s *Store) examineChange(ctx context.Context) (Finding, error) {
	left, err := s.View(ctx).Behind()
	f := Finding{
		Check: "failed re-indexing", Count: left.Failed, Fixable: true,
		Detail: "conversations that could not be re-indexed with the current model (the log says why); they are tried again when the service starts",
	}
	if left.Pending > 0 {
		f.Note = fmt.Sprintf("%d left to re-index with %s", left.Pending, left.Model)
	}
	return f, err
}

// Mend repairs the fixable problems that Examine finds: first the rows, in one
// transaction, then what a database can only rebuild outside of one.
func (s *Store) Mend(ctx context.Context) error {
	err := s.InTx(ctx, func(tx *Tx) error {
		for _, x := range examinations {
			for _, statement := range x.mend {
				if err := tx.db.Exec(statement, at(statement, tx.now)...).Error; err != nil {
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

// at returns the arguments of a statement that may name the time.
func at(statement string, now time.Time) []any {
	if !strings.Contains(statement, "@now") {
		return nil
	}
	return []any{sql.Named("now", dialect.Micros(now))}
}

func (s *Store) countOf(ctx context.Context, query string, args ...any) (int, error) {
	var n int64
	err := s.read(ctx).Raw(query, args...).Scan(&n).Error // does not use the only writer of SQLite
	return int(n), s.fault(err)
}

// VectorSearch reports how a workspace's vectors are searched at the moment.
func (v *View) VectorSearch(ws chat.WorkspaceID, model string, dimensions int) (chat.VectorSearch, error) {
	var n int
	if err := dialect.CountPassages(v.filtered(ws, chat.Filter{})).Row().Scan(&n); err != nil {
		return "", v.fault(err)
	}
	state, err := v.database.VectorSearch(v.db, VectorSpace{Workspace: ws, Model: model, Dimensions: dimensions, Vectors: n}, v.exactLimit)
	return state, v.fault(err)
}
