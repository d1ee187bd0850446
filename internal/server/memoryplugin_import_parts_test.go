package server_test

import (
	"bufio"
	"bytes"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/auth"
	"github.com/lethe-chat/lethe/internal/server"
	"github.com/lethe-chat/lethe/pkg/api"
	"github.com/lethe-chat/lethe/pkg/client"
)

// A client that reads a file itself sends it in parts; a part whose answer was lost is stored
// and counted once.
func TestAnImportInParts(t *testing.T) {
	s := start(t, server.Options{})
	s.upload(t, "old", "hello")
	job, err := s.Client.StartImport(t.Context(), api.ImportBegin{FileName: new(`C:\Users\me\chat.zip`), FileSize: new(1000), Format: new("chatgpt")})
	require.NoError(t, err)
	begun, err := s.Client.Import(t.Context(), job.ID())
	require.NoError(t, err)
	require.Equal(t, api.ImportStateReceiving, begun.State)
	require.Equal(t, api.ImportStatusQueued, begun.Status)
	require.Equal(t, []any{"chat.zip", 1000, "chatgpt"}, []any{*begun.FileName, *begun.FileSize, *begun.Format})
	require.Nil(t, begun.EndedAt)

	part := lineOf("1", `,"platform":"a"`) + "\n" + lineOf("2", `,"platform":"b"`) + "\n{}\n"
	answer, err := job.Send(t.Context(), []byte(part))
	require.NoError(t, err)
	require.Len(t, answer.Problems, 1)
	require.Equal(t, 3, answer.Problems[0].Line)
	require.Contains(t, answer.Problems[0].Reason, "conversation is required")
	counts := api.ImportCounts{New: 2, Failed: 1}
	require.Equal(t, counts, answer.Import.Counts)
	require.Equal(t, []string{"a", "b"}, answer.Import.Platforms)
	require.Equal(t, "several", answer.Import.Platform)

	const path = "/api/chat-history/imports/"
	lines := func(part string) string { return path + job.ID() + "/conversations?part=" + part }
	again := s.call(t, http.MethodPost, lines("1"), part)
	require.Equal(t, http.StatusOK, again.status, again.body)
	require.Equal(t, http.StatusConflict, s.call(t, http.MethodPost, lines("3"), part).status, "part 2 is missing")
	require.Equal(t, http.StatusBadRequest, s.call(t, http.MethodPost, lines("0"), part).status)
	require.Equal(t, http.StatusBadRequest, s.call(t, http.MethodPost, lines("x"), part).status)
	require.Equal(t, http.StatusRequestEntityTooLarge, s.call(t, http.MethodPost, lines("2"), strings.Repeat(lineOf("x")+"\n", 1001)).status)
	require.Equal(t, http.StatusNotFound, s.call(t, http.MethodPost, path+"0197b3a0-11aa-7c3e-9d52-6f1f0a6f7c01/conversations?part=1", part).status)

	answer, err = job.Send(t.Context(), []byte(lineOf("1", `,"platform":"a"`)+"\n"+lineOf("3", `,"platform":"a"`)))
	require.NoError(t, err)
	counts = api.ImportCounts{New: 3, Unchanged: 1, Failed: 1}
	require.Equal(t, counts, answer.Import.Counts)
	ended, err := job.Finish(t.Context(), api.ImportFinish{
		State: api.ImportFinishStateDone, BytesRead: new(1000), Failed: new(2), Skipped: new(4), Notes: []string{"download\x00 the rest"},
		Members:  []api.ImportMember{{Path: "conversations.json", Conversations: 4, Warnings: []api.ImportWarning{{Text: "odd blocks", Count: 3}}}},
		Problems: []api.ImportFinding{{Member: new("conversations.json"), Element: new(17), Reason: "no messages"}},
	})
	require.NoError(t, err)
	counts.Failed, counts.Skipped = 3, 4
	require.Equal(t, counts, ended.Counts)
	require.NotNil(t, ended.EndedAt)
	require.Equal(t, 1000, ended.BytesRead)
	require.Equal(t, []string{"download the rest"}, ended.Report.Notes)
	require.Equal(t, []api.ImportFinding{{Member: new("conversations.json"), Element: new(17), Reason: "no messages"}}, ended.Report.Problems)
	require.Equal(t, "odd blocks", ended.Report.Members[0].Warnings[0].Text)

	ready, err := s.Client.AwaitImport(t.Context(), job.ID())
	require.NoError(t, err)
	require.Equal(t, api.ImportStateDone, ready.State)
	require.Equal(t, 3, ready.Ready, "what it changed; not what it found unchanged")
	_, err = job.Finish(t.Context(), api.ImportFinish{State: api.ImportFinishStateDone})
	require.NoError(t, err, "the answer may have been lost")
	_, err = job.Finish(t.Context(), api.ImportFinish{State: api.ImportFinishStateFailed})
	require.Error(t, err)
	require.Equal(t, http.StatusConflict, s.call(t, http.MethodPost, lines("3"), part).status, "it has ended")

	undone, err := s.Client.DeleteMatching(t.Context(), api.DeleteMatchingRequest{Filter: &api.DeleteFilter{ImportID: new(job.ID())}})
	require.NoError(t, err)
	require.Equal(t, 3, undone.Count)
	_, err = s.Client.Import(t.Context(), job.ID())
	require.True(t, client.IsNotFound(err), "its record went with its last conversation")
}

// A file of another service is stored until it has arrived, and then read. Its record has its contents and its
// problems.
func TestAFileOfAnotherServiceIsImported(t *testing.T) {
	s := start(t, server.Options{})
	body, err := os.ReadFile("../exports/deepseek/testdata/export/conversations.json")
	require.NoError(t, err)
	const path = "/api/chat-history/import?fileName=%2Fhome%2Fme%2Fconversations.json"
	answered := s.call(t, http.MethodPost, path, string(body))
	require.Equal(t, http.StatusOK, answered.status, answered.body)
	list, err := s.Client.Imports(t.Context(), 1, 10)
	require.NoError(t, err)
	require.Len(t, list.Items, 1)
	first, err := s.Client.Import(t.Context(), list.Items[0].ID)
	require.NoError(t, err)
	require.Equal(t, []any{"conversations.json", "deepseek", len(body), len(body)}, []any{*first.FileName, *first.Format, *first.FileSize, first.BytesRead})
	require.Equal(t, []string{"deepseek"}, first.Platforms)
	require.Positive(t, first.Counts.New)
	require.Equal(t, first.Counts.New, first.Conversations)
	require.Len(t, first.Report.Members, 1)

	later, err := s.Client.SendFile(t.Context(), client.SentFile{Body: bytes.NewReader(body), Name: "again.json"})
	require.NoError(t, err)
	ended, err := s.Client.AwaitImport(t.Context(), later.ID)
	require.NoError(t, err)
	require.Equal(t, api.ImportStatusReady, ended.Status, value(ended.Error))
	require.Equal(t, api.ImportCounts{Unchanged: first.Counts.New, Failed: first.Counts.Failed, Skipped: first.Counts.Skipped}, ended.Counts)

	unknown := s.call(t, http.MethodPost, "/api/chat-history/import", `[{"nothing": "known"}]`)
	require.Equal(t, http.StatusBadRequest, unknown.status)
	require.Contains(t, unknown.says(t), "format that Lethe knows")
	list, err = s.Client.Imports(t.Context(), 1, 10)
	require.NoError(t, err)
	require.Equal(t, api.ImportStateFailed, list.Items[0].State)
	require.Contains(t, *list.Items[0].Error, "format that Lethe knows")
}

func value(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// Nothing is stored after a stop was answered, and the client gets an error.
func TestAStoppedImportTakesNoMore(t *testing.T) {
	s := start(t, server.Options{})
	job, err := s.Client.StartImport(t.Context(), api.ImportBegin{})
	require.NoError(t, err)
	_, err = job.Send(t.Context(), []byte(lineOf("1")))
	require.NoError(t, err)
	stopped, err := s.Client.StopImport(t.Context(), job.ID())
	require.NoError(t, err)
	require.Equal(t, api.ImportStateStopped, stopped.State)
	require.Equal(t, "it was stopped on request", *stopped.Error)
	require.Equal(t, 1, stopped.Counts.New)
	_, err = job.Send(t.Context(), []byte(lineOf("2")))
	require.ErrorContains(t, err, "this import has ended")
	<-job.Ended()
	require.ErrorContains(t, job.Why(), "this import has ended")
	again, err := s.Client.StopImport(t.Context(), job.ID())
	require.NoError(t, err)
	require.Equal(t, stopped.EndedAt, again.EndedAt)
	n, err := s.Client.Count(t.Context())
	require.NoError(t, err)
	require.Equal(t, 1, n)
	_, err = s.Client.StopImport(t.Context(), "nothing")
	require.True(t, client.IsNotFound(err))
}

// follow reads a stream of events until it ends, and passes each on as "kind data".
func follow(t *testing.T, s service, path string) (<-chan string, *http.Response) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+path, nil)
	require.NoError(t, err)
	r.Header.Set("Authorization", "Bearer "+s.Key)
	answer, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	t.Cleanup(func() { _ = answer.Body.Close() })
	told := make(chan string, 1000)
	go func() {
		defer close(told)
		kind := ""
		for lines := bufio.NewScanner(answer.Body); lines.Scan(); {
			if name, ok := strings.CutPrefix(lines.Text(), "event: "); ok {
				kind = name
			}
			if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
				told <- kind + " " + data
			}
		}
	}()
	return told, answer
}

// await returns the first event that contains the text; it fails when the stream ends before.
func await(t *testing.T, told <-chan string, text string) string {
	t.Helper()
	for event := range told {
		if strings.Contains(event, text) {
			return event
		}
	}
	require.Fail(t, "the stream ended", "before %q", text)
	return ""
}

// A client that follows an import gets its progress and its end, and then the stream ends. Events contain no name and
// no text.
func TestAnImportIsFollowed(t *testing.T) {
	s := start(t, server.Options{})
	all, answer := follow(t, s, "/api/chat-history/events?kind=import,deletion")
	require.Equal(t, "text/event-stream", answer.Header.Get("Content-Type"))
	job, err := s.Client.StartImport(t.Context(), api.ImportBegin{FileName: new("secret.zip")})
	require.NoError(t, err)
	one, _ := follow(t, s, "/api/chat-history/imports/"+job.ID()+"/events")
	require.Contains(t, await(t, one, `"state":"receiving"`), job.ID())
	await(t, all, job.ID())
	_, err = job.Send(t.Context(), []byte(lineOf("secret words")))
	require.NoError(t, err)
	require.NotContains(t, await(t, one, `"new":1`)+await(t, all, `"new":1`), "secret")
	_, err = job.Finish(t.Context(), api.ImportFinish{State: api.ImportFinishStateDone})
	require.NoError(t, err)
	await(t, all, `"state":"done"`)
	await(t, one, `"state":"done"`)
	_, more := <-one
	require.False(t, more, "it is done")

	list, err := s.Client.List(t.Context(), client.ListOptions{})
	require.NoError(t, err)
	_, err = s.Client.Delete(t.Context(), list.Items[0].ID)
	require.NoError(t, err)
	await(t, all, "deletion ")
}

// A stream of events ends when its key is revoked, and a stop of the service waits for none.
func TestStreamsOfEventsEnd(t *testing.T) {
	s := start(t, server.Options{})
	missing := s.call(t, http.MethodGet, "/api/chat-history/imports/0197b3a0-11aa-7c3e-9d52-6f1f0a6f7c01/events", "")
	require.Equal(t, http.StatusNotFound, missing.status)
	require.Equal(t, http.StatusBadRequest, s.call(t, http.MethodGet, "/api/chat-history/events?kind=other", "").status)
	told, _ := follow(t, s, "/api/chat-history/events")
	await(t, told, "index ")
	administration, err := s.History.Administer(auth.Operator(0))
	require.NoError(t, err)
	keys, err := administration.Keys(t.Context(), "")
	require.NoError(t, err)
	_, err = administration.RevokeKey(t.Context(), keys[0].Prefix)
	require.NoError(t, err)
	for range told { // until it ends
	}
}
