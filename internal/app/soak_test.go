package app_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/app/apptest"
	"github.com/lethe-chat/lethe/internal/store/storetest"
	"github.com/lethe-chat/lethe/pkg/api"
	"github.com/lethe-chat/lethe/pkg/client"
)

var soakFor = flag.Duration("soak", 6*time.Second, "how long TestSoak goes on; `make soak` gives it five minutes")

// Four writers, four searchers and one deleter on two instances of the service: no call
// fails, no search shows a deleted conversation, the database resolves no deadlock, and
// no row is left without its conversation.
func TestSoak(t *testing.T) {
	t.Parallel()
	storetest.OnPostgres(t, soakTwoInstances)
}

func soakTwoInstances(t *testing.T) {
	t.Parallel()
	const writers, searchers = 4, 4
	db := storetest.New(t, storetest.Postgres)
	one, two := apptest.Start(t, db), apptest.Start(t, db)
	s := &soak{calls: map[string]int{}, slowest: map[string]time.Duration{}, living: map[string]string{}, shared: map[string]string{}, gone: map[string]time.Time{}}
	for _, instance := range []*apptest.Service{one, two} {
		// The answers are not checked against openapi.yaml: other tests do that, and here
		// it would be most of the work.
		c, err := client.New(instance.URL, apptest.Key, client.WithRetries(0))
		require.NoError(t, err)
		s.clients = append(s.clients, c)
	}
	ctx, stop := context.WithTimeout(t.Context(), *soakFor)
	defer stop()
	var people sync.WaitGroup
	for i := range writers {
		people.Go(func() { s.until(ctx, uint64(i), s.write) })
	}
	for i := range searchers {
		people.Go(func() { s.until(ctx, uint64(writers+i), s.search) })
	}
	people.Go(func() { s.until(ctx, writers+searchers, s.remove) })
	people.Wait()
	t.Logf("%v: %d calls, %d errors; %s", *soakFor, s.total(), len(s.failures), s)
	require.Empty(t, s.failures[:min(len(s.failures), 5)])

	one.Idle(t)
	there := inventory(t, two.Client)
	for _, c := range there {
		require.NotContains(t, s.gone, c.ID)
	}
	require.NotEmpty(t, s.gone)
	for name, id := range s.living {
		require.Equal(t, id, there[name].ID, name)
	}
	nothingLeft(t, db)
	one.Stop(t)
	two.Stop(t) // PostgreSQL stores its statistics when the connections close
	require.Zero(t, db.Count(t, "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"), "deadlocks")
	t.Logf("%d conversations and %d passages at the end, no orphan, no deadlock; %d of %d transactions were rolled back",
		len(there), db.Rows(t)["chunks"],
		db.Count(t, "SELECT xact_rollback FROM pg_stat_database WHERE datname = current_database()"),
		db.Count(t, "SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = current_database()"))
}

// soak is the state that the clients share.
type soak struct {
	clients []*client.Client

	mu       sync.Mutex
	calls    map[string]int
	slowest  map[string]time.Duration
	failures []error
	named    int
	living   map[string]string    // external id to id, as last answered, except those that a client is using
	shared   map[string]string    // the same for the shared conversations
	gone     map[string]time.Time // when a delete that reports the id was answered
}

// soakChats is the number of conversations that the writers keep.
const soakChats = 150

func (s *soak) until(ctx context.Context, seed uint64, work func(random *rand.Rand, c *client.Client)) {
	random := rand.New(rand.NewPCG(seed, 5))
	for i := int(seed); ctx.Err() == nil; i++ {
		work(random, s.clients[i%len(s.clients)])
	}
}

// call makes one call and counts it. If another client has deleted the conversation
// meanwhile, the call may be answered with 404.
func (s *soak) call(kind string, do func(ctx context.Context) error) bool {
	began := time.Now()
	err := do(context.Background()) // a call in progress at the end is completed
	took := time.Since(began)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls[kind]++
	s.slowest[kind] = max(s.slowest[kind], took)
	var answered *client.Error
	if err != nil && (!errors.As(err, &answered) || answered.Status != http.StatusNotFound) {
		s.failures = append(s.failures, fmt.Errorf("%s: %w", kind, err))
	}
	return err == nil
}

// write uploads a conversation: mostly one that no other writer uses at the moment, new
// or stored; sometimes one that all writers share and that is deleted meanwhile.
// Sometimes it renames instead.
func (s *soak) write(random *rand.Rand, c *client.Client) {
	name, id := s.take(random)
	switch {
	case random.IntN(4) == 0:
		s.put(name, id)
		name = "shared" + strconv.Itoa(random.IntN(8))
		if answer, ok := s.upload(random, c, name); ok {
			s.mu.Lock()
			s.shared[name] = answer
			s.mu.Unlock()
		}
		return
	case id != "" && random.IntN(8) == 0:
		s.call("edit", func(ctx context.Context) error {
			_, err := c.Edit(ctx, api.EditRequest{ConversationID: id, Title: new("Chat " + strconv.Itoa(random.IntN(1000)))})
			return err
		})
	default:
		if answer, ok := s.upload(random, c, name); ok {
			id = answer
		}
	}
	s.put(name, id)
}

func (s *soak) upload(random *rand.Rand, c *client.Client, name string) (id string, ok bool) {
	ok = s.call("upload", func(ctx context.Context) error {
		answer, err := c.Upload(ctx, apptest.Conversation(name, snarkfelds(name, 4+random.IntN(12))...))
		id = answer.ConversationID
		return err
	})
	return id, ok
}

// take reserves a name for one writer: a new one, or a stored one with its id.
func (s *soak) take(random *rand.Rand) (name, id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if random.IntN(3) == 0 {
		for name, id := range s.living {
			delete(s.living, name)
			return name, id
		}
	}
	s.named++
	return "chat" + strconv.Itoa(s.named), ""
}

func (s *soak) put(name, id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if id != "" {
		s.living[name] = id
	}
}

func (s *soak) search(random *rand.Rand, c *client.Client) {
	began := time.Now()
	var found []string
	switch random.IntN(8) {
	case 0:
		s.call("recall", func(ctx context.Context) error {
			answer, err := c.Recall(ctx, api.RecallRequest{Query: new("what of the snarkfeld")})
			for _, source := range answer.Sources {
				found = append(found, source.ConversationID)
			}
			return err
		})
	case 1:
		s.call("list", func(ctx context.Context) error {
			page, err := c.List(ctx, client.ListOptions{PageSize: 20})
			for _, item := range page.Items {
				found = append(found, item.ID)
			}
			return err
		})
	case 2:
		s.call("get", func(ctx context.Context) error {
			id := s.any()
			answer, err := c.Get(ctx, id)
			if err == nil {
				found = append(found, answer.ID)
			}
			return err
		})
	default:
		s.call("search", func(ctx context.Context) error {
			answer, err := c.Search(ctx, api.SearchRequest{Query: "snarkfeld chat" + strconv.Itoa(random.IntN(1000))})
			for _, r := range answer.Results {
				found = append(found, r.ConversationID)
			}
			return err
		})
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range found {
		if deleted, ok := s.gone[id]; ok && deleted.Before(began) {
			s.failures = append(s.failures, fmt.Errorf("%s was shown, although its delete was already answered", id))
		}
	}
}

func (s *soak) any() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range s.living {
		return id
	}
	return "00000000-0000-7000-8000-000000000000"
}

// remove deletes a few conversations when there are enough, and with them the shared
// ones.
func (s *soak) remove(random *rand.Rand, c *client.Client) {
	s.mu.Lock()
	ids, own := []string{}, 1+random.IntN(20)
	for name, id := range s.living {
		if len(ids) == own || len(s.living) < soakChats {
			break
		}
		ids = append(ids, id)
		delete(s.living, name)
	}
	own = len(ids)
	for _, id := range s.shared {
		ids = append(ids, id)
	}
	s.mu.Unlock()
	if len(ids) == 0 {
		<-time.After(time.Millisecond) // there is nothing to delete yet
		return
	}
	s.call("delete", func(ctx context.Context) error {
		answer, err := c.Delete(ctx, ids...)
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, id := range answer.Deleted {
			s.gone[id] = time.Now()
		}
		if err == nil && (len(answer.Deleted) < own || !slices.Equal(answer.Deleted[:own], ids[:own])) {
			err = fmt.Errorf("a delete of %v answered %v", ids[:own], answer.Deleted)
		}
		return err
	})
}

func (s *soak) total() (n int) {
	for _, calls := range s.calls {
		n += calls
	}
	return n
}

// String returns the number of calls of each kind, and the longest duration.
func (s *soak) String() string {
	var lines []string
	for _, kind := range slices.Sorted(maps.Keys(s.calls)) {
		lines = append(lines, fmt.Sprintf("%d %s (at most %v)", s.calls[kind], kind, s.slowest[kind].Round(time.Millisecond)))
	}
	return strings.Join(lines, ", ")
}
