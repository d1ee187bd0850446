package agentsync

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/pkg/api"
	"github.com/lethe-chat/lethe/pkg/client"
)

// receiver is a service that keeps what it receives.
type receiver struct {
	mu       sync.Mutex
	address  string
	requests [][]api.UploadRequest
	stored   int
	down     error
	imports  []string // the ids of the imports, in the order of the requests
	running  string   // an import that cannot go on
	received chan struct{}
}

func newReceiver() *receiver {
	return &receiver{address: "http://here", received: make(chan struct{}, 100)}
}

func (r *receiver) ContinueImport(_ context.Context, id, name string, file io.Reader) (api.ImportAnswer, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.down != nil {
		return api.ImportAnswer{}, r.down
	}
	if r.imports = append(r.imports, id); r.running == id {
		return api.ImportAnswer{}, &client.Error{Status: http.StatusConflict}
	}
	if name != "lethe sync" {
		return api.ImportAnswer{}, errors.New("the record has another name")
	}
	var request []api.UploadRequest
	for d := json.NewDecoder(file); ; {
		var u api.UploadRequest
		err := d.Decode(&u)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return api.ImportAnswer{}, err
		}
		request = append(request, u)
	}
	r.requests = append(r.requests, request)
	r.stored += len(request)
	r.received <- struct{}{}
	return api.ImportAnswer{Conversations: len(request)}, nil
}

func (r *receiver) Count(context.Context) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.stored, r.down
}

// take returns the texts received since the last call, by conversation.
func (r *receiver) take() map[string][]string {
	r.mu.Lock()
	defer r.mu.Unlock()
	texts := map[string][]string{}
	for _, request := range r.requests {
		for _, u := range request {
			for _, m := range u.Conversation.Messages {
				texts[u.Conversation.ID] = append(texts[u.Conversation.ID], m.Content)
			}
		}
	}
	r.requests = nil
	return texts
}

// world is a home folder with Claude Code in it, and a service.
type world struct {
	t        *testing.T
	home     string
	receiver *receiver
	events   chan Event
}

func newWorld(t *testing.T) *world {
	w := &world{t: t, home: t.TempDir(), receiver: newReceiver(), events: make(chan Event, 1000)}
	require.NoError(t, os.MkdirAll(filepath.Join(w.home, ".claude", "projects", "-work"), 0o700))
	return w
}

func (w *world) path(session string) string {
	return filepath.Join(w.home, ".claude", "projects", "-work", session+".jsonl")
}

// line is one line of a session: a prompt, or an answer.
func line(session string, n int, role, text string) string {
	parent := "null"
	if n > 1 {
		parent = fmt.Sprintf(`"%s-%d"`, session, n-1)
	}
	return fmt.Sprintf(`{"type":%q,"uuid":"%s-%d","parentUuid":%s,"sessionId":%q,"timestamp":"2026-05-17T10:00:%02dZ","message":{"role":%q,"id":"m-%s-%d","content":%q}}`+"\n",
		role, session, n, parent, session, n%60, role, session, n, text)
}

// says appends prompts and answers to a session, from the n-th line on.
func (w *world) says(session string, n int, texts ...string) {
	file, err := os.OpenFile(w.path(session), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	require.NoError(w.t, err)
	for i, text := range texts {
		role := "user"
		if (n+i)%2 == 0 {
			role = "assistant"
		}
		_, err = file.WriteString(line(session, n+i, role, text))
		require.NoError(w.t, err)
	}
	require.NoError(w.t, file.Close())
}

func (w *world) machine() Machine {
	return Machine{OS: "linux", Home: w.home, Getenv: func(string) string { return "" }}
}

func (w *world) options() Options {
	state, err := OpenState(StateFile(w.machine()))
	require.NoError(w.t, err)
	return Options{
		Agents: Present(Agents(w.machine())), State: state, Once: true,
		Connect: func(context.Context) (Service, string, error) { return w.receiver, w.receiver.address, nil },
		Report:  func(e Event) { w.events <- e },
		Timing:  Timing{Poll: time.Hour, Settle: time.Millisecond, FirstTry: time.Millisecond, LastTry: 2 * time.Millisecond},
	}
}

// once runs once and returns what was sent.
func (w *world) once() map[string][]string {
	require.NoError(w.t, Run(w.t.Context(), w.options()))
	return w.receiver.take()
}

func TestAGrowingSessionIsReadFromWhereItWasLeft(t *testing.T) {
	w := newWorld(t)
	w.says("a", 1, "one", "answer one", "two", "answer two")
	w.says("b", 1, "other", "answer")
	require.Equal(t, map[string][]string{"a": {"one", "answer one", "two", "answer two"}, "b": {"other", "answer"}}, w.once())
	require.Empty(t, w.once(), "nothing is new")
	w.says("a", 5, "three", "answer three")
	require.Equal(t, map[string][]string{"a": {"two", "answer two", "three", "answer three"}}, w.once(), "from the last prompt on")
	require.Empty(t, w.once())
}

func TestARewrittenSessionIsReadFromItsBeginning(t *testing.T) {
	w := newWorld(t)
	w.says("a", 1, "one", "answer one", "two", "answer two", "three", "answer three")
	w.once()
	data, err := os.ReadFile(w.path("a"))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(w.path("a"), []byte(strings.Replace(string(data), `"one"`, `"ONE"`, 1)+line("a", 7, "user", "four")), 0o600))
	require.Equal(t, map[string][]string{"a": {"ONE", "answer one", "two", "answer two", "three", "answer three", "four"}}, w.once())

	require.NoError(t, os.Remove(w.path("a")))
	w.says("a", 1, "short", "now")
	require.Equal(t, map[string][]string{"a": {"short", "now"}}, w.once(), "a truncated one too")
}

func TestALineThatIsStillBeingWrittenIsReadLater(t *testing.T) {
	w := newWorld(t)
	w.says("a", 1, "one", "answer one", "two")
	half := line("a", 4, "assistant", "answer two")
	appendTo(t, w.path("a"), half[:40])
	require.Equal(t, map[string][]string{"a": {"one", "answer one", "two"}}, w.once())
	appendTo(t, w.path("a"), half[40:])
	require.Equal(t, map[string][]string{"a": {"two", "answer two"}}, w.once())
}

func appendTo(t *testing.T, name, text string) {
	t.Helper()
	file, err := os.OpenFile(name, os.O_APPEND|os.O_WRONLY, 0o600)
	require.NoError(t, err)
	_, err = file.WriteString(text)
	require.NoError(t, errors.Join(err, file.Close()))
}

func TestASessionThatItsAgentDeletesIsLeftAtTheService(t *testing.T) {
	w := newWorld(t)
	w.says("a", 1, "one", "answer")
	w.once()
	require.NoError(t, os.Remove(w.path("a")))
	require.Empty(t, w.once())
	state, err := OpenState(StateFile(w.machine()))
	require.NoError(t, err)
	require.Zero(t, state.Files())
}

func TestTheStateHoldsNoTextAndIsPrivate(t *testing.T) {
	w := newWorld(t)
	w.says("a", 1, "a secret prompt", "a secret answer", "another secret", "answer")
	w.once()
	file := StateFile(w.machine())
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Contains(t, string(data), "a.jsonl")
	require.NotContains(t, string(data), "secret")
	for path, mode := range map[string]os.FileMode{file: 0o600, filepath.Dir(file): 0o700} {
		info, err := os.Stat(path)
		require.NoError(t, err)
		require.Equal(t, mode, info.Mode().Perm(), path)
	}
}

// A service with an empty database must not get only the end of a session.
func TestAServiceWithAnotherDatabaseGetsEverything(t *testing.T) {
	w := newWorld(t)
	w.says("a", 1, "one", "answer one", "two", "answer two")
	w.once()
	w.receiver.stored = 0
	w.says("a", 5, "three", "answer three")
	whole := map[string][]string{"a": {"one", "answer one", "two", "answer two", "three", "answer three"}}
	require.Equal(t, whole, w.once())
	w.receiver.address = "http://elsewhere"
	w.says("b", 1, "other", "answer")
	whole["b"] = []string{"other", "answer"}
	require.Equal(t, whole, w.once())
}

func TestADryRunSendsAndRemembersNothing(t *testing.T) {
	w := newWorld(t)
	w.says("a", 1, "one", "answer")
	o := w.options()
	o.DryRun = true
	o.Connect = func(context.Context) (Service, string, error) { return nil, "", errors.New("nobody is asked") }
	require.NoError(t, Run(t.Context(), o))
	require.Equal(t, Event{Kind: Current, Files: 1, Conversations: 1}, <-w.events)
	require.NoFileExists(t, StateFile(w.machine()))
}

func TestARunOnceEndsWhenTheServiceDoesNotAnswer(t *testing.T) {
	w := newWorld(t)
	w.says("a", 1, "one", "answer")
	w.receiver.down = fault.New(fault.Unavailable, "no service answers")
	require.ErrorContains(t, Run(t.Context(), w.options()), "no service answers")
	w.receiver.down = nil
	require.Len(t, w.once(), 1, "nothing was remembered")
}

// await waits for an event of a kind.
func (w *world) await(kind Kind) Event {
	w.t.Helper()
	for patience := time.After(time.Minute); ; {
		select {
		case e := <-w.events:
			if e.Kind == kind {
				return e
			}
		case <-patience:
			require.Fail(w.t, "it does not come", kind)
		}
	}
}

// follow watches until the test ends.
func (w *world) follow() {
	o := w.options()
	o.Once = false
	ctx, stop := context.WithCancel(w.t.Context())
	ended := make(chan error, 1)
	go func() { ended <- Run(ctx, o) }()
	w.t.Cleanup(func() {
		stop()
		require.NoError(w.t, <-ended)
	})
}

// until waits until this text was sent.
func (w *world) until(text string) map[string][]string {
	w.t.Helper()
	for {
		w.await(Sent)
		sent := w.receiver.take()
		for _, texts := range sent {
			for _, have := range texts {
				if have == text {
					return sent
				}
			}
		}
	}
}

func TestWhatIsWrittenIsSentWithoutAPoll(t *testing.T) {
	w := newWorld(t)
	w.says("a", 1, "one", "answer one", "two", "answer two")
	w.follow()
	w.await(Watching)
	w.receiver.take()
	w.says("a", 5, "three")
	require.Equal(t, map[string][]string{"a": {"two", "answer two", "three"}}, w.until("three"))
	w.says("b", 1, "a new session")
	w.until("a new session")

	folder := filepath.Join(w.home, ".claude", "projects", "-another", "deep")
	require.NoError(t, os.MkdirAll(folder, 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(folder, "c.jsonl"), []byte(line("c", 1, "user", "in a new folder")), 0o600))
	w.until("in a new folder")
}

func TestAServiceThatIsDownIsWaitedFor(t *testing.T) {
	w := newWorld(t)
	w.says("a", 1, "one", "answer one", "two")
	w.receiver.down = fault.New(fault.Unavailable, "no service answers")
	w.follow()
	w.await(Waiting)
	w.await(Waiting)
	w.says("b", 1, "written meanwhile")
	w.receiver.mu.Lock()
	w.receiver.down = nil
	w.receiver.mu.Unlock()
	w.until("two")
	w.says("c", 1, "and after it")
	w.until("and after it")
}

func TestChangesThatTheSystemDroppedAreFound(t *testing.T) {
	w := newWorld(t)
	o := w.options()
	o.Once, o.Timing = false, o.Timing.filled()
	s := &syncer{Options: o, entries: map[string]entry{}, tooEarly: map[string]time.Time{}, costly: map[string]bool{}}
	watch, err := newWatcher()
	require.NoError(t, err)
	defer watch.close()
	w.says("a", 1, "never seen by the watcher")
	watch.lost(errOverflow)
	<-watch.wake
	require.NoError(t, s.changes(t.Context(), watch))
	require.Len(t, w.receiver.take(), 1)
}

func TestALongConversationIsSentInSeveralLines(t *testing.T) {
	u := chat.Upload{Platform: "claude-code", ExternalID: "long", Title: "Long", TellsMarks: true}
	for range 2*chat.MaxPartMessages + 1 {
		u.Messages = append(u.Messages, chat.UploadMessage{Role: "human", Text: "x"})
	}
	for whole, want := range map[bool][]*int{true: {new(0), new(10_000), new(20_000)}, false: {nil, nil, nil}} {
		lines, err := linesOf(u, whole)
		require.NoError(t, err)
		var from []*int
		for _, l := range lines {
			var sent api.UploadRequest
			require.NoError(t, json.Unmarshal(l, &sent))
			from = append(from, sent.Conversation.From)
		}
		require.Equal(t, want, from)
	}
}

func TestATextThatIsTooLongIsCut(t *testing.T) {
	long := strings.Repeat("\n", chat.MaxTextBytes/2+1)
	u := chat.Upload{ExternalID: "x", Messages: []chat.UploadMessage{{Role: "tool", Text: long}, {Role: "tool", Text: strings.Repeat("<", chat.MaxTextBytes-1000)}}}
	_, err := u.Validate(time.Now())
	require.Error(t, err)
	lines, err := linesOf(u, true)
	require.NoError(t, err)
	require.Len(t, lines, 2)
	for i, want := range []int{chat.MaxTextBytes / 6, chat.MaxTextBytes - 1000} { // only what does not fit is cut
		require.LessOrEqual(t, len(lines[i]), maxLine)
		var sent api.UploadRequest
		require.NoError(t, json.Unmarshal(lines[i], &sent))
		require.Equal(t, want, len(sent.Conversation.Messages[0].Content)) //nolint:testifylint // Len prints the text
	}
}

// OpenCode's latest messages are in the log beside its database.
func TestADatabaseIsReadAgainWhenItsLogHasChanged(t *testing.T) {
	w := newWorld(t)
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	folder := filepath.Join(w.home, ".local", "share", "opencode")
	require.NoError(t, os.MkdirAll(folder, 0o700))
	bring := func(name string) {
		data, err := os.ReadFile(filepath.Join("..", "exports", "opencode", "testdata", "export", name))
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), data, 0o600))
	}
	bring("opencode.db")
	sent := w.once()
	require.Len(t, sent, 2)
	require.Contains(t, sent, "ses_1")
	require.Empty(t, w.once())
	bring("opencode.db-wal")
	sent = w.once()
	require.Contains(t, sent, "ses_4")
	require.NotContains(t, sent, "ses_1", "it has not changed")
	require.Empty(t, w.once())
	left, err := os.ReadDir(temp)
	require.NoError(t, err)
	require.Empty(t, left, "copies that were not deleted")
}

// Everything that a run sends is one import. If that import cannot go on, the rest becomes another one.
func TestARunIsOneImport(t *testing.T) {
	w := newWorld(t)
	for n := range batchLines + 1 {
		w.says(fmt.Sprint("s", n), 1, "one", "answer")
	}
	require.Len(t, w.once(), batchLines+1)
	require.Len(t, w.receiver.imports, 2, "two requests")
	require.Equal(t, w.receiver.imports[0], w.receiver.imports[1])

	first := w.receiver.imports[0]
	w.says("s0", 3, "two", "answer")
	w.once()
	require.NotEqual(t, first, w.receiver.imports[2], "another run")

	w.says("s0", 5, "three", "answer")
	o := w.options()
	s := &syncer{Options: o, importID: chat.NewID(), entries: map[string]entry{}, tooEarly: map[string]time.Time{}, costly: map[string]bool{}}
	w.receiver.running = s.importID
	require.NoError(t, s.everything(t.Context()))
	require.Len(t, w.receiver.take(), 1)
	require.NotEqual(t, w.receiver.running, s.importID)
}
