package indexer

import (
	"context"
	"sync"
	"time"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/store"
)

// spreadPolls is how many polls pass between two questions to all servers, where the
// workspaces are on several. Each question reads every shard.
const spreadPolls = 3

// wokenWorkspaces are the workspaces in which conversations may wait, where the workspaces
// are on several servers.
type wokenWorkspaces struct {
	mu       sync.Mutex
	order    []chat.WorkspaceID
	has      map[chat.WorkspaceID]bool
	nextLook time.Time // when all servers may be asked again
}

func (w *wokenWorkspaces) add(list ...chat.WorkspaceID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.has == nil {
		w.has = map[chat.WorkspaceID]bool{}
	}
	for _, ws := range list {
		if !w.has[ws] {
			w.has[ws] = true
			w.order = append(w.order, ws)
		}
	}
}

// next removes and returns the workspace that was added first.
func (w *wokenWorkspaces) next() (ws chat.WorkspaceID, ok bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.order) == 0 {
		return 0, false
	}
	ws, w.order = w.order[0], w.order[1:]
	delete(w.has, ws)
	return ws, true
}

// mayLook reports whether it is time to ask all servers. One worker asks for all of them.
func (w *wokenWorkspaces) mayLook(every time.Duration) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if time.Now().Before(w.nextLook) {
		return false
	}
	w.nextLook = time.Now().Add(every)
	return true
}

// lookNow lets the next worker ask all servers at once.
func (w *wokenWorkspaces) lookNow() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.nextLook = time.Time{}
}

func (w *wokenWorkspaces) untilLook() time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	return max(time.Until(w.nextLook), time.Millisecond)
}

// claimSpread is claim where the workspaces are on several servers. It claims in workspaces
// that are known to have work, and asks all servers for others now and then. A workspace
// whose server does not answer is left until the next look, so that the others go on.
func (x *Indexer) claimSpread(ctx context.Context, vectors bool) (store.Claim, bool, error) {
	for looked := false; ; {
		ws, ok := x.woken.next()
		switch {
		case !ok && (looked || !x.woken.mayLook(spreadPolls*x.o.Poll)):
			return store.Claim{}, false, nil
		case !ok:
			looked = true
			var behind store.Recipe
			if x.adopted.Load() {
				behind = x.recipe()
			}
			waiting, err := x.o.Store.ClaimableIn(ctx, vectors, behind)
			if err != nil {
				return store.Claim{}, false, err
			}
			x.woken.add(waiting...)
			continue
		}
		claims, err := x.claimIn(ctx, ws, vectors)
		if err != nil && ctx.Err() == nil {
			x.o.Logger.Warn("indexer: nothing could be claimed in a workspace; trying again soon", "workspace_id", int64(ws), "error", err)
			continue
		}
		if err != nil {
			return store.Claim{}, false, err
		}
		if len(claims) > 0 {
			x.woken.add(ws) // there may be more
			return claims[0], true, nil
		}
	}
}

func (x *Indexer) claimIn(ctx context.Context, ws chat.WorkspaceID, vectors bool) (claims []store.Claim, err error) {
	err = x.o.Store.InTx(ctx, func(tx *store.Tx) (err error) {
		claims, err = tx.ClaimIn(ws, x.o.Lease, 1, vectors)
		if err == nil && len(claims) == 0 && vectors && x.adopted.Load() {
			claims, err = tx.ClaimBehindIn(ws, x.recipe(), x.o.Lease)
		}
		return err
	})
	return claims, err
}

// spreadEvery returns how often to look for something on all servers: rarely where each
// look reads every shard.
func (x *Indexer) spreadEvery(d time.Duration) time.Duration {
	if x.spread {
		return max(d, spreadPolls*x.o.Poll)
	}
	return d
}
