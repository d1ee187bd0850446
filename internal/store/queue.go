package store

import (
	"time"

	"gorm.io/gorm"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/store/dialect"
)

// Claim is a worker's hold on a conversation that needs indexing. It is lost as
// soon as the conversation is deleted or changed, or the lease runs out and
// another worker takes it: then its Finish, Retry and Fail do nothing.
type Claim struct {
	Workspace    chat.WorkspaceID
	Conversation string
	Revision     int64
	Attempt      int // which try this is, from 1; also the token that tells one hold from another
	// Behind: the conversation is ready, and stays so; it is only to be made anew by
	// the current recipe.
	Behind bool
	// WordsIn: its passages are those of this revision; only vectors are missing.
	WordsIn bool

	recipe int64 // by which its passages were made when it was claimed
}

// ErrClaimLost is returned when the conversation is no longer the caller's to
// index. It is no failure: whoever took it, or deleted it, has done what is due.
var ErrClaimLost = fault.New(fault.Conflict, "the conversation was changed, deleted or taken over while it was being indexed")

// Claim takes up to n conversations that are due, whoever waited longest first,
// and holds each until now+lease. A claim whose lease ran out is due again. It takes
// those whose words are to be indexed; with vectors also, after them, those that only
// need an embedder.
func (tx *Tx) Claim(lease time.Duration, n int, vectors bool) ([]Claim, error) {
	stages := []string{wordsDue}
	if vectors {
		stages = append(stages, vectorsDue)
	}
	var rows []dialect.ClaimRow
	for _, stage := range stages {
		if len(rows) == n {
			break
		}
		more, err := tx.database.Claim(tx.db, stage, tx.holder, dialect.Micros(tx.now), dialect.Micros(tx.now.Add(lease)), n-len(rows))
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

// state is what the conversation is in while it is held, and after it was given
// back to be taken again.
func (c Claim) state() (held, returned chat.IndexState) {
	if c.Behind {
		return chat.Ready, chat.Ready
	}
	return chat.Indexing, chat.Queued
}

// Extend holds a claim for another lease; ErrClaimLost when it is lost. Which recipe
// is named meanwhile does not matter: the worker names it itself.
func (tx *Tx) Extend(c Claim, lease time.Duration) error {
	return tx.settled(tx.held(c), map[string]any{"run_after": dialect.Micros(tx.now.Add(lease))})
}

// Retry gives a claim back to be tried again after the delay, with the reason
// for clients to read, unless the conversation is ready all the while; ErrClaimLost
// when it is lost.
func (tx *Tx) Retry(c Claim, delay time.Duration, reason string) error {
	if c.Behind {
		reason = ""
	}
	_, returned := c.state()
	return tx.changeClaimed(c, map[string]any{
		"holder": nobody, "index_state": string(returned), "run_after": dialect.Micros(tx.now.Add(delay)), "index_error": reason,
	})
}

// GiveUp ends the claim of a conversation that is behind, until the recipe changes
// or a service starts: it stays ready, as it was made before. ErrClaimLost when the
// claim is lost.
func (tx *Tx) GiveUp(c Claim) error {
	return tx.changeClaimed(c, map[string]any{"holder": nobody, "run_after": int64(never)})
}

// Release gives a claim back as if it had never been taken: for a worker that is
// told to stop. ErrClaimLost when it is lost.
func (tx *Tx) Release(c Claim) error {
	_, returned := c.state()
	return tx.changeClaimed(c, map[string]any{
		"holder": nobody, "index_state": string(returned), "run_after": dialect.Micros(tx.now), "attempts": c.Attempt - 1,
	})
}

// changeClaimed updates the conversation if the claim still holds: existence, freshness
// and the lock in one statement. What it was made by is asked too: a claim says what
// of that may stay.
func (tx *Tx) changeClaimed(c Claim, changes map[string]any) error {
	return tx.settled(tx.held(c).Where("recipe_id = ?", c.recipe), changes)
}

// held is the row of a conversation, if the claim still holds.
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

// ClaimedTranscript returns what a claim is about; ErrClaimLost when the
// conversation is gone or has another revision by now.
func (v *View) ClaimedTranscript(c Claim) (chat.Transcript, error) {
	t, err := v.Transcript(c.Workspace, c.Conversation)
	if err := claimable(c, t.Conversation, err); err != nil {
		return chat.Transcript{}, err
	}
	return t, nil
}

// claimable says whether what was found of a conversation is what was claimed.
func claimable(c Claim, found chat.Conversation, err error) error {
	switch {
	case fault.Is(err, fault.NotFound):
		return ErrClaimLost
	case err == nil && found.Revision != c.Revision:
		return ErrClaimLost
	}
	return err
}

// NextDue returns when the next conversation becomes due, with vectors also one that
// only needs an embedder; false when none waits.
func (v *View) NextDue(vectors bool) (time.Time, bool, error) {
	due := v.db.Select("run_after").Where("index_state IN ('queued', 'indexing')")
	if !vectors {
		due = due.Where(wordsDue)
	}
	row, found, err := first[dialect.ConversationRow](v, due.Order("run_after"))
	return dialect.FromMicros(row.RunAfter), found, err
}

// RequeueFailed queues the failed conversations of all workspaces again, with a new
// count of attempts. It returns how many.
func (tx *Tx) RequeueFailed() (int, error) {
	return tx.requeueFailed(tx.db.Model(&dialect.ConversationRow{}))
}

// RequeueFailedIn queues again, with a new count of attempts, what could not be
// indexed in a workspace: what is failed, and what is ready but could not be indexed
// anew by the current recipe. It returns how many.
func (tx *Tx) RequeueFailedIn(ws chat.WorkspaceID) (int, error) {
	failed, err := tx.requeueFailed(tx.db.Model(&dialect.ConversationRow{}).Where("workspace_id = ?", int64(ws)))
	if err != nil {
		return 0, err
	}
	res := tx.db.Model(&dialect.ConversationRow{}).Where("workspace_id = ? AND index_state = ? AND run_after = ?", int64(ws), string(chat.Ready), int64(never)).
		Updates(map[string]any{"attempts": 0, "run_after": dialect.Micros(tx.now)})
	return failed + int(res.RowsAffected), tx.fault(res.Error)
}

// requeueFailed looks at the words again too: what failed may have been left out.
func (tx *Tx) requeueFailed(of *gorm.DB) (int, error) {
	res := of.Where("index_state = ?", string(chat.Failed)).
		Updates(map[string]any{"index_state": string(chat.Queued), "attempts": 0, "run_after": dialect.Micros(tx.now), "indexed_revision": 0})
	return int(res.RowsAffected), tx.fault(res.Error)
}
