package store

import (
	"context"
	"time"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/store/dialect"
)

// Spread reports whether the workspaces are on several servers. Then one statement cannot
// claim from all of them: ask ClaimableIn where something waits, and claim with ClaimIn and
// ClaimBehindIn.
func (s *Store) Spread() bool { return s.database.Abilities().Spread != nil }

// ClaimableIn returns workspaces of a database whose Spread is true that have conversations
// to claim. Those without words in the index come first. With vectors set, those that need
// vectors follow. Those that are behind come when no other is left, if behind is the current
// recipe. It asks every server, so ask rarely; a server that does not answer is left out.
func (s *Store) ClaimableIn(ctx context.Context, vectors bool, behind Recipe) ([]chat.WorkspaceID, error) {
	spread := s.database.Abilities().Spread
	now := dialect.Micros(chat.Clock(s.config.Now()))
	looks := []dialect.Waiting{{Now: now, Stage: wordsDue}}
	if vectors {
		looks = append(looks, dialect.Waiting{Now: now, Stage: vectorsDue})
		book, err := s.View(ctx).recipeBook()
		if err != nil {
			return nil, err
		}
		if book.inUse() == behind {
			for _, id := range book.behind() {
				looks = append(looks, dialect.Waiting{Now: now, Recipe: id})
			}
		}
	}
	for _, look := range looks {
		found, err := spread.Waiting(ctx, look)
		if err != nil || len(found) > 0 {
			return found, s.fault(err)
		}
	}
	return nil, nil
}

// ClaimIn is Claim in one workspace of a database whose Spread is true.
func (tx *Tx) ClaimIn(ws chat.WorkspaceID, lease time.Duration, n int, vectors bool) ([]Claim, error) {
	return tx.claimStages(n, vectors, func(stage string, n int) ([]dialect.ClaimRow, error) {
		return tx.database.Abilities().Spread.ClaimIn(tx.db, ws, stage, tx.holder, dialect.Micros(tx.now), dialect.Micros(tx.now.Add(lease)), n)
	})
}

// ClaimBehindIn is ClaimBehind in one workspace of a database whose Spread is true.
func (tx *Tx) ClaimBehindIn(ws chat.WorkspaceID, r Recipe, lease time.Duration) ([]Claim, error) {
	return tx.claimBehind(r, func(recipe int64) ([]dialect.ClaimRow, error) {
		return tx.database.Abilities().Spread.ClaimBehindIn(tx.db, ws, recipe, tx.holder, dialect.Micros(tx.now), dialect.Micros(tx.now.Add(lease)))
	})
}
