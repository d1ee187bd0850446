package history

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"strings"
	"sync"
	"time"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/store"
)

// TakesIdempotencyKey reports whether an operation is done only once for an idempotency key.
// The other operations ignore the key.
func (op Operation) TakesIdempotencyKey() bool {
	switch op {
	case OpIngest, OpDeleteBulk, OpDeleteConversations, OpDeleteMatching, OpDeleteMessages, OpDeleteUnchanged:
		return true
	}
	return false
}

// WithIdempotencyKey returns an access that does one request once: if the caller sends the same
// request again with the same key, it gets the answer of the first one and nothing is done. The
// operations return Conflict while the first request is still running, and Mismatch when the key
// was used for another request. A request that fails, or only counts, uses no key. Keys of
// different API keys are different. A key is remembered for chat.IdempotencyKeyLife.
//
// The key is the value of the HTTP header, with or without the quotation marks of a string.
// Invalid when it is empty, longer than chat.MaxIdempotencyKey, or has other characters than
// visible ASCII characters and spaces.
func (a Access) WithIdempotencyKey(key string) (Access, error) {
	if unquoted, ok := strings.CutPrefix(key, `"`); ok && len(key) > 1 {
		key = strings.NewReplacer(`\"`, `"`, `\\`, `\`).Replace(strings.TrimSuffix(unquoted, `"`))
	}
	if key == "" || len(key) > chat.MaxIdempotencyKey || strings.ContainsFunc(key, func(r rune) bool { return r < ' ' || r > '~' }) {
		return Access{}, fault.Invalidf("an idempotency key must have 1 to %d ASCII characters, such as a new UUID for each request; nothing was changed", chat.MaxIdempotencyKey)
	}
	a.idempotencyKey = key
	return a, nil
}

// keyed is a request that may have an idempotency key. The zero value has none.
type keyed struct {
	request store.KeyedRequest
	running *runningKeys
}

// keyed returns the request of an operation with its arguments, which must be all that the
// result depends on.
func (a Access) keyed(op Operation, arguments any) (keyed, error) {
	if a.idempotencyKey == "" {
		return keyed{}, nil
	}
	sum := sha256.New()
	sum.Write([]byte(op + "\n")) // hash.Hash.Write returns no error
	if err := json.NewEncoder(sum).Encode(arguments); err != nil {
		return keyed{}, err
	}
	return keyed{
		request: store.KeyedRequest{KeyID: a.who.KeyID, Key: a.idempotencyKey, Sum: [sha256.Size]byte(sum.Sum(nil))},
		running: &a.history.keys,
	}, nil
}

// has reports whether the request has an idempotency key.
func (k keyed) has() bool { return k.running != nil }

// begin refuses the request while another one with the same key runs in this program. The caller
// must call end after its transaction.
func (k keyed) begin(ws chat.WorkspaceID) (end func(), err error) {
	if !k.has() {
		return func() {}, nil
	}
	return k.running.begin(runningKey{ws, k.request.KeyID, k.request.Key})
}

// once runs do in a transaction, unless it was done before: then it returns the outcome.
func (k keyed) once(tx *store.Tx, ws chat.WorkspaceID, do func() (store.Outcome, error)) (earlier *store.Outcome, err error) {
	if !k.has() {
		_, err := do()
		return nil, err
	}
	before, done, err := tx.BeginKeyed(ws, k.request)
	if err != nil || done {
		return &before, err
	}
	outcome, err := do()
	if err != nil {
		return nil, err
	}
	return nil, tx.EndKeyed(ws, k.request, outcome)
}

// deleteOnce runs a delete in a transaction of its own. If it was done before, it returns the
// outcome and the receipt of the first time.
func (h *History) deleteOnce(ctx context.Context, ws chat.WorkspaceID, k keyed, do func(tx *store.Tx) (store.Outcome, error)) (earlier *store.Outcome, receipt chat.Deletion, err error) {
	end, err := k.begin(ws)
	if err != nil {
		return nil, chat.Deletion{}, err
	}
	defer end()
	err = h.store.InDeletingTx(ctx, func(tx *store.Tx) (err error) {
		receipt = chat.Deletion{}
		earlier, err = k.once(tx, ws, func() (store.Outcome, error) { return do(tx) })
		if err == nil && earlier != nil && earlier.Deletion != "" {
			receipt, err = tx.Deletion(ws, earlier.Deletion)
		}
		return err
	})
	return earlier, receipt, err
}

// outcomeOf returns what answers a delete of ids again.
func outcomeOf[ID comparable](asked, deleted []ID, receipt chat.Deletion) store.Outcome {
	wasDeleted := make(map[ID]bool, len(deleted))
	for _, id := range deleted {
		wasDeleted[id] = true
	}
	bits := make([]byte, (len(asked)+7)/8)
	for i, id := range asked {
		if wasDeleted[id] {
			bits[i/8] |= 1 << (i % 8)
		}
	}
	return store.Outcome{Deletion: receipt.ID, Deleted: bits}
}

// deletedAmong returns the ids of a request that were deleted when it was sent first.
func deletedAmong[ID any](asked []ID, o store.Outcome) []ID {
	deleted := []ID{}
	for i, id := range asked {
		if i/8 < len(o.Deleted) && o.Deleted[i/8]&(1<<(i%8)) != 0 {
			deleted = append(deleted, id)
		}
	}
	return deleted
}

// runningKey is an idempotency key in use.
type runningKey struct {
	workspace chat.WorkspaceID
	keyID     string
	key       string
}

// runningKeys are the idempotency keys whose requests run in this program.
type runningKeys struct {
	mu   sync.Mutex
	keys map[runningKey]bool
}

// runningWait is when a caller may ask again for the answer of a request that is still running.
const runningWait = time.Second

func (r *runningKeys) begin(k runningKey) (end func(), err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.keys[k] {
		return nil, &fault.Error{
			Kind: fault.Conflict, RetryAfter: runningWait,
			Message: "a request with this idempotency key is still running; send it again later for its answer",
		}
	}
	if r.keys == nil {
		r.keys = make(map[runningKey]bool)
	}
	r.keys[k] = true
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.keys, k)
	}, nil
}
