package store

import (
	"errors"
	"time"

	"gorm.io/gorm"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/fault"
)

// Claim is a worker's hold on a conversation that needs indexing. It is lost as
// soon as the conversation is deleted or changed, or the lease runs out and
// another worker takes it: then its Finish, Retry and Fail do nothing.
type Claim struct {
	Workspace    chat.WorkspaceID
	Conversation string
	Revision     int64
	Attempt      int // which try this is, from 1; also the token that tells one hold from another
}

type claimRow struct {
	WorkspaceID int64
	ID          string
	Revision    int64
	Attempts    int
}

// ErrClaimLost is returned when the conversation is no longer the caller's to
// index. It is no failure: whoever took it, or deleted it, has done what is due.
var ErrClaimLost = fault.New(fault.Conflict, "the conversation was changed, deleted or taken over while it was being indexed")

// Claim takes up to n conversations that are due, whoever waited longest first,
// and holds each until now+lease. A claim whose lease ran out is due again.
func (tx *Tx) Claim(lease time.Duration, n int) ([]Claim, error) {
	rows, err := tx.dialect.claim(tx.db, micros(tx.now), micros(tx.now.Add(lease)), n)
	if err != nil {
		return nil, tx.fault(err)
	}
	claims := make([]Claim, len(rows))
	for i, r := range rows {
		claims[i] = Claim{Workspace: chat.WorkspaceID(r.WorkspaceID), Conversation: r.ID, Revision: r.Revision, Attempt: r.Attempts}
	}
	return claims, nil
}

// Extend holds a claim for another lease; ErrClaimLost when it is lost.
func (tx *Tx) Extend(c Claim, lease time.Duration) error {
	return tx.settle(c, map[string]any{"run_after": micros(tx.now.Add(lease))})
}

// Retry gives a claim back to be tried again after the delay, with the reason
// for clients to read; ErrClaimLost when it is lost.
func (tx *Tx) Retry(c Claim, delay time.Duration, reason string) error {
	return tx.settle(c, map[string]any{
		"index_state": string(chat.Queued), "run_after": micros(tx.now.Add(delay)), "index_error": reason,
	})
}

// Release gives a claim back as if it had never been taken: for a worker that is
// told to stop. ErrClaimLost when it is lost.
func (tx *Tx) Release(c Claim) error {
	return tx.settle(c, map[string]any{
		"index_state": string(chat.Queued), "run_after": micros(tx.now), "attempts": c.Attempt - 1,
	})
}

// settle updates the conversation if the claim still holds: existence, freshness
// and the lock in one statement.
func (tx *Tx) settle(c Claim, changes map[string]any) error {
	res := tx.db.Model(&conversationRow{}).
		Where("workspace_id = ? AND id = ? AND revision = ? AND attempts = ? AND index_state = ?",
			int64(c.Workspace), c.Conversation, c.Revision, c.Attempt, string(chat.Indexing)).
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
	var row conversationRow
	err := v.db.Select("run_after").Where("index_state IN ('queued', 'indexing')").Order("run_after").Take(&row).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return time.Time{}, false, nil
	}
	return fromMicros(row.RunAfter), err == nil, v.fault(err)
}

// RequeueFailed queues the failed conversations again, for a service that
// starts: what stopped them (an embedder that was down, a wrong key) may be
// mended. Those over the size limit stay failed. It returns how many it queued.
func (tx *Tx) RequeueFailed() (int, error) {
	res := tx.db.Model(&conversationRow{}).Where("index_state = ? AND token_count <= ?", string(chat.Failed), chat.MaxIndexTokens).
		Updates(map[string]any{"index_state": string(chat.Queued), "attempts": 0, "run_after": micros(tx.now)})
	return int(res.RowsAffected), tx.fault(res.Error)
}
