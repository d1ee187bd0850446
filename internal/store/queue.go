package store

import (
	"time"

	"gorm.io/gorm"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/store/dialect"
)

// Claim is a worker's hold on a conversation that it indexes. The claim is lost when the
// conversation is deleted or changed, or when the lease ends and another worker claims
// it. Then the methods that take the claim do nothing and return ErrClaimLost.
type Claim struct {
	Workspace    chat.WorkspaceID
	Conversation chat.ConversationID
	Revision     int64
	Attempt      int // the number of this attempt, from 1; it also distinguishes this claim from others
	// Behind: the conversation is ready and stays ready; it is only re-indexed with the
	// current recipe.
	Behind bool
	// WordsIn: the passages of this revision are stored; only vectors are missing.
	WordsIn bool

	recipe int64 // the recipe of its passages when it was claimed
}

// ErrClaimLost is returned when the conversation is no longer the caller's to index. It
// is no failure: somebody else has changed, deleted or claimed it.
var ErrClaimLost = fault.New(fault.Conflict, "the conversation was changed, deleted or taken over while it was being indexed")

// Claim claims up to n conversations that are due, longest waiting first, until
// now+lease. A claim whose lease has ended is due again. Conversations whose words are
// missing come first. With vectors set, those that only need vectors follow.
func (tx *Tx) Claim(lease time.Duration, n int, vectors bool) ([]Claim, error) {
	return tx.claimStages(n, vectors, func(stage string, n int) ([]dialect.ClaimRow, error) {
		return tx.database.Claim(tx.db, stage, tx.holder, dialect.Micros(tx.now), dialect.Micros(tx.now.Add(lease)), n)
	})
}

// claimStages claims up to n conversations, stage by stage.
func (tx *Tx) claimStages(n int, vectors bool, claim func(stage string, n int) ([]dialect.ClaimRow, error)) ([]Claim, error) {
	stages := []string{wordsDue}
	if vectors {
		stages = append(stages, vectorsDue)
	}
	var rows []dialect.ClaimRow
	for _, stage := range stages {
		if len(rows) == n {
			break
		}
		more, err := claim(stage, n-len(rows))
		if err != nil {
			return nil, tx.fault(err)
		}
		rows = append(rows, more...)
	}
	return claimsOf(rows, false), nil
}

func claimsOf(rows []dialect.ClaimRow, behind bool) []Claim {
	claims := make([]Claim, len(rows))
	for i, r := range rows {
		claims[i] = Claim{
			Workspace: chat.WorkspaceID(r.WorkspaceID), Conversation: r.ID, Revision: r.Revision, Attempt: r.Attempts,
			Behind: behind, WordsIn: r.IndexedRevision == r.Revision, recipe: r.RecipeID,
		}
	}
	return claims
}

// state returns the index states of a conversation while it is claimed and after the
// claim is given back.
func (c Claim) state() (held, returned chat.IndexState) {
	if c.Behind {
		return chat.Ready, chat.Ready
	}
	return chat.Indexing, chat.Queued
}

// Extend extends the lease of a claim. ErrClaimLost when it is lost. The recipe of the
// row is not compared, because the worker itself changes it.
func (tx *Tx) Extend(c Claim, lease time.Duration) error {
	return tx.settled(tx.held(c), map[string]any{"run_after": dialect.Micros(tx.now.Add(lease))})
}

// Retry gives a claim back, to be tried again after the delay. The reason is stored for
// clients to read, except for a conversation that stays ready. ErrClaimLost when the
// claim is lost.
func (tx *Tx) Retry(c Claim, delay time.Duration, reason string) error {
	if c.Behind {
		reason = ""
	}
	_, returned := c.state()
	return tx.changeClaimed(c, map[string]any{
		"holder": nobody, "index_state": string(returned), "run_after": dialect.Micros(tx.now.Add(delay)), "index_error": reason,
	})
}

// GiveUp ends the claim of a conversation that is behind, until the recipe changes or a
// service starts. The conversation stays ready with its old index. ErrClaimLost when the
// claim is lost.
func (tx *Tx) GiveUp(c Claim) error {
	return tx.changeClaimed(c, map[string]any{"holder": nobody, "run_after": int64(never)})
}

// Release gives a claim back without counting the attempt, because the worker is told to
// stop. ErrClaimLost when the claim is lost.
func (tx *Tx) Release(c Claim) error {
	_, returned := c.state()
	return tx.changeClaimed(c, map[string]any{
		"holder": nobody, "index_state": string(returned), "run_after": dialect.Micros(tx.now), "attempts": c.Attempt - 1,
	})
}

// changeClaimed updates the conversation if the claim still holds. One statement checks
// that it exists, is unchanged, and is still claimed with the same recipe.
func (tx *Tx) changeClaimed(c Claim, changes map[string]any) error {
	return tx.settled(tx.held(c).Where("recipe_id = ?", c.recipe), changes)
}

// held selects the row of a conversation if the claim still holds.
func (tx *Tx) held(c Claim) *gorm.DB {
	held, _ := c.state()
	return tx.db.Model(&dialect.ConversationRow{}).
		Where("workspace_id = ? AND id = ? AND revision = ? AND attempts = ? AND index_state = ?",
			int64(c.Workspace), c.Conversation, c.Revision, c.Attempt, string(held))
}

func (tx *Tx) settled(held *gorm.DB, changes map[string]any) error {
	res := held.Updates(changes)
	if res.Error == nil && res.RowsAffected == 0 {
		return ErrClaimLost
	}
	return tx.fault(res.Error)
}

// ClaimedTranscript returns the conversation of a claim with its messages. ErrClaimLost
// when it was deleted or has another revision.
func (v *View) ClaimedTranscript(c Claim) (chat.Transcript, error) {
	t, err := v.Transcript(c.Workspace, c.Conversation)
	if err := claimable(c, t.Conversation, err); err != nil {
		return chat.Transcript{}, err
	}
	return t, nil
}

// claimable returns ErrClaimLost when the conversation that was found is not the one that
// was claimed.
func claimable(c Claim, found chat.Conversation, err error) error {
	switch {
	case fault.Is(err, fault.NotFound):
		return ErrClaimLost
	case err == nil && found.Revision != c.Revision:
		return ErrClaimLost
	}
	return err
}

// NextDue returns when the next conversation is due; false when none waits. With vectors
// set, conversations that only need vectors count too.
func (v *View) NextDue(vectors bool) (time.Time, bool, error) {
	due := v.db.Select("run_after").Where("index_state IN ('queued', 'indexing')")
	if !vectors {
		due = due.Where(wordsDue)
	}
	row, found, err := first[dialect.ConversationRow](v, due.Order("run_after"))
	return dialect.FromMicros(row.RunAfter), found, err
}

// RequeueFailed queues the failed conversations of all workspaces again, and resets their
// attempts. It returns how many.
func (tx *Tx) RequeueFailed() (int, error) {
	return tx.requeueFailed(tx.db.Model(&dialect.ConversationRow{}))
}

// RequeueFailedIn queues what could not be indexed in a workspace, and resets the
// attempts: failed conversations, and ready ones that could not be re-indexed. It returns
// how many.
func (tx *Tx) RequeueFailedIn(ws chat.WorkspaceID) (int, error) {
	failed, err := tx.requeueFailed(tx.db.Model(&dialect.ConversationRow{}).Where("workspace_id = ?", int64(ws)))
	if err != nil {
		return 0, err
	}
	res := tx.db.Model(&dialect.ConversationRow{}).Where("workspace_id = ? AND index_state = ? AND run_after = ?", int64(ws), string(chat.Ready), int64(never)).
		Updates(map[string]any{"attempts": 0, "run_after": dialect.Micros(tx.now)})
	return failed + int(res.RowsAffected), tx.fault(res.Error)
}

// requeueFailed also marks the words as missing, because a failed conversation may be
// indexed in part.
func (tx *Tx) requeueFailed(of *gorm.DB) (int, error) {
	res := of.Where("index_state = ?", string(chat.Failed)).
		Updates(map[string]any{"index_state": string(chat.Queued), "attempts": 0, "run_after": dialect.Micros(tx.now), "indexed_revision": 0})
	return int(res.RowsAffected), tx.fault(res.Error)
}
