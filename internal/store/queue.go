package store

import (
	"errors"
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

	recipe int64 // by which its passages were made when it was claimed
}

// ErrClaimLost is returned when the conversation is no longer the caller's to
// index. It is no failure: whoever took it, or deleted it, has done what is due.
var ErrClaimLost = fault.New(fault.Conflict, "the conversation was changed, deleted or taken over while it was being indexed")

// Claim takes up to n conversations that are due, whoever waited longest first,
// and holds each until now+lease. A claim whose lease ran out is due again.
func (tx *Tx) Claim(lease time.Duration, n int) ([]Claim, error) {
	rows, err := tx.database.Claim(tx.db, dialect.Micros(tx.now), dialect.Micros(tx.now.Add(lease)), n)
	if err != nil {
		return nil, tx.fault(err)
	}
	return claimsOf(rows, false), nil
}

func claimsOf(rows []dialect.ClaimRow, behind bool) []Claim {
	claims := make([]Claim, len(rows))
	for i, r := range rows {
		claims[i] = Claim{
			Workspace: chat.WorkspaceID(r.WorkspaceID), Conversation: r.ID, Revision: r.Revision, Attempt: r.Attempts,
			Behind: behind, recipe: r.RecipeID,
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

// Extend holds a claim for another lease; ErrClaimLost when it is lost.
func (tx *Tx) Extend(c Claim, lease time.Duration) error {
	return tx.settle(c, map[string]any{"run_after": dialect.Micros(tx.now.Add(lease))})
}

// Retry gives a claim back to be tried again after the delay, with the reason
// for clients to read, unless the conversation is ready all the while; ErrClaimLost
// when it is lost.
func (tx *Tx) Retry(c Claim, delay time.Duration, reason string) error {
	if c.Behind {
		reason = ""
	}
	_, returned := c.state()
	return tx.settle(c, map[string]any{
		"index_state": string(returned), "run_after": dialect.Micros(tx.now.Add(delay)), "index_error": reason,
	})
}

// GiveUp ends the claim of a conversation that is behind, until the recipe changes
// or a service starts: it stays ready, as it was made before. ErrClaimLost when the
// claim is lost.
func (tx *Tx) GiveUp(c Claim) error {
	return tx.settle(c, map[string]any{"run_after": int64(never)})
}

// Release gives a claim back as if it had never been taken: for a worker that is
// told to stop. ErrClaimLost when it is lost.
func (tx *Tx) Release(c Claim) error {
	_, returned := c.state()
	return tx.settle(c, map[string]any{
		"index_state": string(returned), "run_after": dialect.Micros(tx.now), "attempts": c.Attempt - 1,
	})
}

// settle updates the conversation if the claim still holds: existence, freshness
// and the lock in one statement. What it was made by is asked too: a claim says what
// of that may stay.
func (tx *Tx) settle(c Claim, changes map[string]any) error {
	held, _ := c.state()
	res := tx.db.Model(&dialect.ConversationRow{}).
		Where("workspace_id = ? AND id = ? AND revision = ? AND attempts = ? AND index_state = ? AND recipe_id = ?",
			int64(c.Workspace), c.Conversation, c.Revision, c.Attempt, string(held), c.recipe).
		Updates(changes)
	if res.Error == nil && res.RowsAffected == 0 {
		return ErrClaimLost
	}
	return tx.fault(res.Error)
}

// ClaimedTranscript returns what a claim is about; ErrClaimLost when the
// conversation is gone or has another revision by now.
func (v *View) ClaimedTranscript(c Claim) (chat.Transcript, error) {
	t, err := v.Transcript(c.Workspace, c.Conversation)
	switch {
	case fault.Is(err, fault.NotFound):
		return chat.Transcript{}, ErrClaimLost
	case err != nil:
		return chat.Transcript{}, err
	case t.Revision != c.Revision:
		return chat.Transcript{}, ErrClaimLost
	}
	return t, nil
}

// NextDue returns when the next conversation becomes due; false when none waits.
func (v *View) NextDue() (time.Time, bool, error) {
	var row dialect.ConversationRow
	err := v.db.Select("run_after").Where("index_state IN ('queued', 'indexing')").Order("run_after").Take(&row).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return time.Time{}, false, nil
	}
	return dialect.FromMicros(row.RunAfter), err == nil, v.fault(err)
}

// RequeueFailed queues the failed conversations again, for a service that
// starts: what stopped them (an embedder that was down, a wrong key) may be
// mended. Those over the size limit stay failed. It returns how many it queued.
func (tx *Tx) RequeueFailed() (int, error) {
	return tx.requeueFailed(tx.db.Model(&dialect.ConversationRow{}))
}

func (tx *Tx) requeueFailed(of *gorm.DB) (int, error) {
	res := of.Where("index_state = ? AND token_count <= ?", string(chat.Failed), chat.MaxIndexTokens).
		Updates(map[string]any{"index_state": string(chat.Queued), "attempts": 0, "run_after": dialect.Micros(tx.now)})
	return int(res.RowsAffected), tx.fault(res.Error)
}
