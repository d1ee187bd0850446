package history

import (
	"context"
	"crypto/rand"
	"strings"
	"sync"
	"time"

	"github.com/lethe-chat/lethe/internal/auth"
	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/fault"
)

// Limits of one-time codes.
const (
	pageCodeLife = 5 * time.Minute
	maxPageCodes = 100 // unused codes at the same time; more are a mistake
)

// pageCodes are the one-time codes that were not used yet. They exist only in memory, as hashes, and end with the
// process.
type pageCodes struct {
	mu      sync.Mutex
	expires map[auth.Hash]time.Time
}

// PageCode returns a code that signs the page in once, within five minutes. Only the operator and keys with the scope
// admin get one. Unavailable when too many codes are unused.
func (a Access) PageCode(ctx context.Context) (string, error) {
	return ask(ctx, a, OpPageCode, func(_ context.Context, h *History, _ chat.WorkspaceID) (string, error) {
		return h.codes.add(h.now())
	})
}

func (p *pageCodes) add(now time.Time) (string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for code, at := range p.expires {
		if !now.Before(at) {
			delete(p.expires, code)
		}
	}
	if len(p.expires) >= maxPageCodes {
		return "", fault.New(fault.Unavailable, "%d one-time codes are not used yet; try again in %s", maxPageCodes, pageCodeLife)
	}
	if p.expires == nil {
		p.expires = make(map[auth.Hash]time.Time)
	}
	code := strings.ToLower(rand.Text())
	p.expires[auth.HashToken(code)] = now.Add(pageCodeLife)
	return code, nil
}

// take removes a code and reports whether it was valid.
func (p *pageCodes) take(code string, now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	hash := auth.HashToken(code)
	until, ok := p.expires[hash]
	delete(p.expires, hash)
	return ok && now.Before(until)
}

// ExchangePageCode removes a code and creates a key with every scope for the page. Unauthenticated when the code is
// unknown, used or older than five minutes. The transport must know that the request comes from this machine.
func (h *History) ExchangePageCode(ctx context.Context, code string) (token string, err error) {
	if !h.codes.take(code, h.now()) {
		return "", fault.New(fault.Unauthenticated, "this one-time code was already used or is older than five minutes; run `lethe open` for a new one")
	}
	ctx, cancel := context.WithTimeout(ctx, h.patience)
	defer cancel()
	name := "page, since " + h.now().UTC().Format(time.DateOnly)
	_, token, err = Administration{h}.CreateKey(ctx, chat.DefaultWorkspace, name, []auth.Scope{auth.Read, auth.Write, auth.Admin})
	return token, err
}
