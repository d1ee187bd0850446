package app_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/app/apptest"
	"github.com/lethe-chat/lethe/internal/budget"
	"github.com/lethe-chat/lethe/internal/store/storetest"
)

var memoryMB = flag.Int("memory-mb", 6, "megabytes of one large upload in TestMemoryIsBounded; `make memory` has 49")

// fullSize is the size of a large upload in `make memory`, in megabytes.
const fullSize = 49

// goal is the most resident memory, in bytes, of the process with uploads of full size.
const goal = 512 << 20

// budgetMB returns the memory budget of the attacked services: the default for uploads of
// full size, and the smallest allowed one for small uploads.
func budgetMB() int {
	if *memoryMB >= fullSize {
		return budget.Default >> 20
	}
	return 64
}

// maxResident returns the most resident memory of the process, also with small uploads.
// It is the sum of the memory at the start, the memory that the row reserves (at most the
// whole budget), the heap reserve (heapReserve in this package), a step of the indexer,
// which may run at the same time, and on SQLite the page caches of the connections that
// the row uses. The last two are estimates: the limit must notice a text or a
// conversation that is held in memory as a whole.
func (r attack) maxResident(kind string, began int64) int64 {
	if *memoryMB >= fullSize {
		return goal
	}
	const heapReserve, indexing, pages = 32 << 20, 48 << 20, 32 << 20
	limit := began + min(r.counted, int64(budgetMB())<<20) + heapReserve + indexing
	if kind == storetest.SQLite {
		limit += int64(r.connections) * pages
	}
	return limit
}

// attack is one row of the table: what is stored before the measured process starts, and
// what the test does to it then.
type attack struct {
	name        string
	counted     int64 // bytes that its requests reserve; more than the budget means the whole budget
	connections int   // the SQLite connections that its requests use
	setUp       func(*testing.T, *attacked)
	run         func(*testing.T, *attacked)
}

// attacked is a service under attack. size is the length of its large uploads, in bytes.
type attacked struct {
	*apptest.Process
	size int
}

// The memory that a request reserves: the whole budget for a body of unknown length, and
// a little for an answer that is read page by page.
const (
	wholeBudget = 1 << 40
	oneReading  = 4 << 20
)

var attacks = []attack{
	{name: "one upload of one message", counted: wholeBudget, connections: 1, run: func(t *testing.T, a *attacked) {
		a.accepted(t, func() io.Reader { return a.upload("one", 0, a.size, a.size) })
	}},
	{name: "one upload of many messages", counted: wholeBudget, connections: 1, run: func(t *testing.T, a *attacked) {
		a.accepted(t, func() io.Reader { return a.upload("one", 0, a.size, 1000) })
	}},
	{name: "six uploads to one conversation", counted: wholeBudget, connections: 1, run: sixToOne},
	{name: "the conversation read once", counted: oneReading, connections: 1, setUp: sixToOne, run: func(t *testing.T, a *attacked) { a.read(t, 1) }},
	{name: "the conversation read by four", counted: 4 * oneReading, connections: 4, setUp: sixToOne, run: func(t *testing.T, a *attacked) { a.read(t, 4) }},
	{name: "large messages read by four", counted: 4 * oneReading, connections: 4, setUp: largeMessages, run: func(t *testing.T, a *attacked) { a.read(t, 4) }},
	{name: "six uploads at the same time", counted: wholeBudget, connections: 1, run: func(t *testing.T, a *attacked) { a.parallel(t, 6) }},
	{name: "twenty answers that are not read", counted: wholeBudget, connections: 4, setUp: sixToOne, run: func(t *testing.T, a *attacked) { a.ignore(t, 20) }},
	{name: "exported", counted: oneReading, connections: 1, setUp: sixToOne, run: func(t *testing.T, a *attacked) { a.export(t) }},
	{name: "the conversation deleted", counted: 0, connections: 1, setUp: sixToOne, run: func(t *testing.T, a *attacked) { a.delete(t) }},
	{name: "large messages deleted", counted: 0, connections: 1, setUp: largeMessages, run: func(t *testing.T, a *attacked) { a.delete(t) }},
	{name: "a file of large lines imported", counted: wholeBudget, connections: 1, run: func(t *testing.T, a *attacked) { a.importLines(t, 3) }},
}

func TestMemoryIsBounded(t *testing.T) {
	for _, kind := range []string{storetest.SQLite, storetest.Postgres} {
		t.Run(kind, func(t *testing.T) {
			for _, row := range attacks {
				t.Run(row.name, func(t *testing.T) {
					db := storetest.New(t, kind)
					start := func() *attacked {
						return &attacked{apptest.StartProcess(t, db, apptest.WithEnv("LETHE_EMBEDDER=none", fmt.Sprintf("LETHE_MEMORY_BUDGET=%d", budgetMB()))), *memoryMB * 1_000_000}
					}
					if row.setUp != nil {
						before := start()
						row.setUp(t, before)
						before.Kill(t)
					}
					a := start()
					began := a.Memory(t)
					row.run(t, a)
					peak := a.PeakMemory(t)
					t.Logf("MEMORY %-10s %-36s %4d MB at the start, %4d MB at the peak", kind, row.name, began>>20, peak>>20)
					if limit := row.maxResident(kind, began); peak > limit {
						t.Errorf("the peak is %d MB; the limit is %d MB", peak>>20, limit>>20)
					}
				})
			}
		})
	}
}

func sixToOne(t *testing.T, a *attacked) {
	t.Helper()
	for i := range 6 {
		a.accepted(t, func() io.Reader { return a.upload("one", i, a.size*42/49, 1000) })
	}
}

func largeMessages(t *testing.T, a *attacked) {
	t.Helper()
	for i := range 6 {
		a.accepted(t, func() io.Reader { return a.upload("one", i, a.size*42/49, a.size*42/49) })
	}
}

// upload returns a body of about size bytes, generated while it is sent, with messages of
// about the given length. Different rounds have different messages.
func (a *attacked) upload(id string, round, size, message int) io.Reader {
	from, to := io.Pipe()
	go func() {
		_, err := fmt.Fprintf(to, `{"conversation":{"id":%q,"messages":[`, id)
		text := strings.Repeat(fmt.Sprintf("The %dth harbour of snarkfeld was quiet. ", round), message/40+1)[:message]
		for at, n := 0, 0; at < size && err == nil; at, n = at+message+60, n+1 {
			if n > 0 {
				_, err = io.WriteString(to, ",")
			}
			if err == nil {
				_, err = fmt.Fprintf(to, `{"id":"r%d-%d","role":"assistant","content":"%s"}`, round, n, text)
			}
		}
		_, _ = io.WriteString(to, "]}}")
		to.CloseWithError(err)
	}()
	return from
}

func (a *attacked) post(t *testing.T, body io.Reader) int {
	t.Helper()
	return a.sent(t, http.MethodPost, "/api/chat-history/ingest/custom-online", body)
}

// sent sends a request and returns the status of the answer.
func (a *attacked) sent(t *testing.T, method, path string, body io.Reader) int {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, a.URL+path, body)
	require.NoError(t, err)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+apptest.Key)
	r.ContentLength = -1
	answer, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer answer.Body.Close() //nolint:errcheck // it was read to its end
	text, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	t.Logf("%d %.200s", answer.StatusCode, text)
	return answer.StatusCode
}

// accepted sends a body until it is stored, because a busy machine may exceed the
// service's deadline.
func (a *attacked) accepted(t *testing.T, body func() io.Reader) {
	t.Helper()
	for range 5 {
		if a.post(t, body()) == http.StatusOK {
			return
		}
	}
	require.Fail(t, "the upload is refused every time")
}

// parallel sends uploads at the same time. Each is stored, or refused with a request to
// try again.
func (a *attacked) parallel(t *testing.T, n int) {
	t.Helper()
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			status := a.post(t, a.upload(fmt.Sprint(i), i, a.size*47/49, 1000))
			if status != http.StatusOK && status != http.StatusServiceUnavailable {
				t.Errorf("upload %d was answered with %d", i, status)
			}
		})
	}
	all.Wait()
}

func (a *attacked) get(t *testing.T, path string) *http.Response {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, a.URL+path, http.NoBody)
	require.NoError(t, err)
	r.Header.Set("Authorization", "Bearer "+apptest.Key)
	answer, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	return answer
}

func (a *attacked) only(t *testing.T) string {
	t.Helper()
	answer := a.get(t, "/api/chat-history/chats")
	defer answer.Body.Close() //nolint:errcheck // it was read
	var list struct{ Items []struct{ ID string } }
	require.NoError(t, json.NewDecoder(answer.Body).Decode(&list))
	require.Len(t, list.Items, 1)
	return list.Items[0].ID
}

// read reads the whole conversation n times at the same time.
func (a *attacked) read(t *testing.T, n int) {
	t.Helper()
	id := a.only(t)
	var all sync.WaitGroup
	for range n {
		all.Go(func() {
			answer := a.get(t, "/api/chat-history/conversation?conversationId="+id)
			defer answer.Body.Close() //nolint:errcheck // it was read
			length, err := io.Copy(io.Discard, answer.Body)
			if err != nil || answer.StatusCode != http.StatusOK || length < int64(5*a.size) {
				t.Errorf("an answer of %d bytes, status %d: %v", length, answer.StatusCode, err)
			}
		})
	}
	all.Wait()
}

func (a *attacked) export(t *testing.T) {
	t.Helper()
	answer := a.get(t, "/api/chat-history/export")
	defer answer.Body.Close() //nolint:errcheck // it was read
	length, err := io.Copy(io.Discard, answer.Body)
	require.NoError(t, err)
	require.Greater(t, length, int64(5*a.size))
}

func (a *attacked) delete(t *testing.T) {
	t.Helper()
	a.sent(t, http.MethodDelete, "/api/chat-history/chats", strings.NewReader(fmt.Sprintf(`{"ids":[%q]}`, a.only(t))))
	require.Equal(t, http.StatusOK, a.sent(t, http.MethodGet, "/api/chat-history/count", http.NoBody))
}

// importLines imports a file of n lines, each as long as a large upload.
func (a *attacked) importLines(t *testing.T, n int) {
	t.Helper()
	var lines []io.Reader
	for i := range n {
		lines = append(lines, a.upload(fmt.Sprint(i), i, a.size, 1000), strings.NewReader("\n"))
	}
	require.Equal(t, http.StatusOK, a.sent(t, http.MethodPost, "/api/chat-history/import", io.MultiReader(lines...)))
}

// ignore requests the conversation on n connections and does not read the answers.
func (a *attacked) ignore(t *testing.T, n int) {
	t.Helper()
	id := a.only(t)
	at, err := url.Parse(a.URL)
	require.NoError(t, err)
	var conns []net.Conn
	for range n {
		conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", at.Host)
		require.NoError(t, err)
		t.Cleanup(func() { _ = conn.Close() })
		conns = append(conns, conn)
		_, err = fmt.Fprintf(conn, "GET /api/chat-history/conversation?conversationId=%s HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\n\r\n", id, at.Host, apptest.Key)
		require.NoError(t, err)
	}
	for _, conn := range conns { // each answer has begun and is blocked
		_, err := conn.Read(make([]byte, 1))
		require.NoError(t, err)
	}
}
