package history

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/lethe-chat/lethe/internal/auth"
	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/store"
)

// Limits of deletes that are confirmed.
const (
	ConfirmationLife = 2 * time.Minute // how long a confirmation is valid
	MaxConfirmed     = 100_000         // conversations of one delete
)

// ToConfirm is a delete that somebody has to confirm: of the ids, or of what a filter selects.
type ToConfirm struct {
	IDs      []chat.ConversationID
	Matching *chat.MatchingDelete // nil for a delete of the ids; DryRun and Expected do not apply
	Exclude  bool                 // refuse later uploads of these conversations
}

// Proposal says what a delete would delete, for whoever confirms it.
type Proposal struct {
	chat.Preview

	Token   string    // confirms the delete; empty when there is nothing to delete
	Expires time.Time // when the token is no longer valid
}

// ProposeDelete deletes nothing. It returns what the delete would delete now, and the token
// with which ConfirmDelete does it. Every program on the database accepts the token, for two
// minutes. It is valid for this key, and for exactly these conversations as they are now. So a
// token cannot be used twice: after the delete there is nothing that it is valid for.
//
// Invalid as for DeleteConversations and DeleteMatching, and for more than MaxConfirmed
// conversations.
func (a Access) ProposeDelete(ctx context.Context, d ToConfirm) (Proposal, error) {
	return ask(ctx, a, OpProposeDelete, func(ctx context.Context, h *History, _ chat.WorkspaceID) (p Proposal, err error) {
		err = h.store.Snapshot(ctx, func(v *store.View) error {
			p, err = h.propose(v, a.who, d)
			return err
		})
		return p, err
	})
}

// ConfirmDelete deletes what ProposeDelete has proposed with this token, in one transaction.
// Conflict, and nothing is deleted, when the token is expired, was used, belongs to another
// key or workspace, or when one of the conversations has been changed, pinned, added or
// deleted since the proposal. Invalid when the token is none.
func (a Access) ConfirmDelete(ctx context.Context, d ToConfirm, token string) (Deleted, error) {
	return ask(ctx, a, OpConfirmDelete, func(ctx context.Context, h *History, ws chat.WorkspaceID) (deleted Deleted, err error) {
		expires, err := h.expiryOf(token)
		if err != nil {
			return Deleted{}, err
		}
		err = h.store.InDeletingTx(ctx, func(tx *store.Tx) error {
			ids, err := d.lock(tx, ws)
			if err != nil {
				return err
			}
			versions, err := tx.Versions(ws, ids)
			if err != nil {
				return err
			}
			if !hmac.Equal([]byte(token), []byte(d.token(&tx.View, a.who, expires, versions))) {
				return errUnconfirmed
			}
			gone, receipt, err := tx.DeleteConversations(ws, ids, a.by(chat.DeleteOptions{Exclude: d.Exclude}))
			deleted = Deleted{IDs: inOrder(ids, gone), Receipt: receipt}
			return err
		})
		if err != nil {
			return Deleted{}, err
		}
		if len(deleted.IDs) > 0 {
			h.deleted()
		}
		return deleted, nil
	})
}

// errUnconfirmed is the one answer to a token that is not for this delete. It does not say
// why, because another workspace's conversations may be the reason.
var errUnconfirmed = fault.New(fault.Conflict,
	"the confirmation is not for what would be deleted now: something was changed or deleted since, or it is for another request; nothing was deleted. Ask again without it")

// propose is ProposeDelete in one snapshot.
func (h *History) propose(v *store.View, who auth.Principal, d ToConfirm) (p Proposal, err error) {
	var versions []store.Version
	if p.Preview, versions, err = d.look(v, who.Workspace); err != nil || len(versions) == 0 {
		return p, err
	}
	if len(versions) > MaxConfirmed {
		return Proposal{}, fault.Invalidf("more than %d conversations would be deleted; delete fewer at once", MaxConfirmed)
	}
	p.Expires = h.now().Add(ConfirmationLife).UTC().Truncate(time.Second)
	p.Token = d.token(v, who, p.Expires, versions)
	return p, nil
}

// look returns what would be deleted.
func (d ToConfirm) look(v *store.View, ws chat.WorkspaceID) (p chat.Preview, versions []store.Version, err error) {
	if d.Matching == nil {
		ids, err := d.ids()
		if err != nil {
			return p, nil, err
		}
		if p, err = v.PreviewIDs(ws, ids); err != nil {
			return p, nil, err
		}
		versions, err = v.Versions(ws, ids)
		return p, versions, err
	}
	filter, err := d.Matching.Selection()
	if err != nil {
		return p, nil, err
	}
	if p, err = v.PreviewMatching(ws, filter); err != nil {
		return p, nil, err
	}
	if filter.Unpinned {
		spared := d.Matching.Filter
		spared.PinnedOnly = true
		if p.Pinned, err = v.CountMatching(ws, spared); err != nil {
			return p, nil, err
		}
	}
	versions, err = v.VersionsMatching(ws, filter, MaxConfirmed+1)
	return p, versions, err
}

// lock locks what would be deleted, and returns the ids.
func (d ToConfirm) lock(tx *store.Tx, ws chat.WorkspaceID) ([]chat.ConversationID, error) {
	if d.Matching == nil {
		ids, err := d.ids()
		if err != nil {
			return nil, err
		}
		return tx.LockConversations(ws, ids)
	}
	filter, err := d.Matching.Selection()
	if err != nil {
		return nil, err
	}
	return tx.LockMatching(ws, filter)
}

func (d ToConfirm) ids() ([]chat.ConversationID, error) {
	switch n := len(d.IDs); {
	case n == 0:
		return nil, fault.Breaks(fault.At("ids"), "must name at least one conversation")
	case n > MaxDelete:
		return nil, fault.Breaks(fault.At("ids"), "must name at most %d conversations, got %d; delete the rest in another request", MaxDelete, n)
	}
	return fold(d.IDs), nil
}

// The parts of a token: when it expires, in seconds since 1970, and a signature. It is short
// because a language model copies it.
const (
	expiryBytes    = 8
	signatureBytes = 16
)

// token returns the confirmation of a delete of these versions by this caller.
func (d ToConfirm) token(v *store.View, who auth.Principal, expires time.Time, versions []store.Version) string {
	list := sha256.New()
	for _, version := range versions { // hash.Hash.Write returns no error
		fmt.Fprintf(list, "%s %d %t\n", version.ID, version.Revision, version.Pinned)
	}
	signed := fmt.Sprintf("%d\n%q\n%d\n%t\n%x", who.Workspace, who.KeyID, expires.Unix(), d.Exclude, list.Sum(nil))
	bytes := binary.BigEndian.AppendUint64(nil, uint64(expires.Unix())) //nolint:gosec // years after 1970
	bytes = append(bytes, v.Sign("delete", signed)[:signatureBytes]...)
	return base64.RawURLEncoding.EncodeToString(bytes)
}

// expiryOf returns when a token expires. What it says is only believed with the signature.
func (h *History) expiryOf(token string) (time.Time, error) {
	bytes, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil || len(bytes) != expiryBytes+signatureBytes {
		return time.Time{}, fault.Invalidf("this is no confirmation of a delete; ask again without it, and send the one that you get")
	}
	expires := time.Unix(int64(binary.BigEndian.Uint64(bytes)), 0) //nolint:gosec // any number is a time
	if !h.now().Before(expires) {
		return time.Time{}, fault.New(fault.Conflict, "the confirmation was valid for two minutes and has expired; nothing was deleted. Ask again without it")
	}
	return expires, nil
}
