package server_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/server"
	"github.com/lethe-chat/lethe/pkg/api"
	"github.com/lethe-chat/lethe/pkg/client"
)

func lineOf(id string, more ...string) string {
	return fmt.Sprintf(`{"conversation":{"id":%q,"messages":[{"role":"human","content":"hello"}]}%s}`, id, strings.Join(more, ""))
}

// Importing an export from before a delete does not restore deleted conversations by
// itself.
func TestAnOldExportDoesNotResurrect(t *testing.T) {
	s := start(t, server.Options{})
	deleted, excluded, kept := s.upload(t, "deleted", "hello"), s.upload(t, "excluded", "hello"), s.upload(t, "kept", "hello")
	var file strings.Builder
	require.NoError(t, s.Client.Export(t.Context(), client.ListOptions{}, &file))
	_, err := s.Client.Delete(t.Context(), deleted)
	require.NoError(t, err)
	_, err = s.Client.DeleteWith(t.Context(), api.DeleteRequest{IDs: []string{excluded}, Exclude: new(true)})
	require.NoError(t, err)
	imported := func(restore bool) api.ImportAnswer {
		answer, err := s.Client.ImportFile(t.Context(), strings.NewReader(file.String()), restore)
		require.NoError(t, err)
		return answer
	}
	answer := imported(false)
	require.Equal(t, []int{1, 1, 1, 0}, []int{answer.Conversations, answer.Deleted, answer.Excluded, answer.Failed})
	list, err := s.Client.List(t.Context(), client.ListOptions{})
	require.NoError(t, err)
	require.Len(t, list.Items, 1)
	require.Equal(t, kept, list.Items[0].ID)
	require.Equal(t, 1, imported(false).Deleted, "also the second time")

	answer = imported(true)
	require.Equal(t, []int{2, 0, 1, 0}, []int{answer.Conversations, answer.Deleted, answer.Excluded, answer.Failed})
	_, err = s.Client.LiftExclusions(t.Context(), api.LiftRequest{IDs: []string{excluded}})
	require.NoError(t, err)
	require.Equal(t, 1, imported(false).Deleted, "a lifted exclusion does not restore the conversation")
	require.Equal(t, 3, imported(true).Conversations)
	require.Equal(t, 3, imported(false).Conversations, "restoreDeleted restores it")
}

func TestAnImportStoresWhatItCan(t *testing.T) {
	s := start(t, server.Options{MaxLine: 1000})
	file := "\xef\xbb\xbf" + lineOf("1") + "\r\n\n" + // a byte order mark and an empty line
		"{}\n" +
		lineOf("2", `,"platform":"chatgpt"`) + "\n" +
		"no json\n" +
		lineOf("3", `,"platform":"not a platform"`) + "\n" +
		lineOf("4") // no line break at the end
	answer, err := s.Client.ImportFile(t.Context(), strings.NewReader(file), false)
	require.NoError(t, err)
	require.Equal(t, 3, answer.Conversations)
	require.Equal(t, 3, answer.Failed)
	require.Equal(t, []int{3, 5, 6}, []int{answer.Problems[0].Line, answer.Problems[1].Line, answer.Problems[2].Line})
	require.Contains(t, answer.Problems[0].Reason, "conversation is required")
	require.Contains(t, answer.Problems[1].Reason, "not valid JSON")
	require.Contains(t, answer.Problems[2].Reason, "platform must be")
	imported, err := s.Client.AwaitImport(t.Context(), *answer.ImportID)
	require.NoError(t, err)
	require.Equal(t, 3, imported.Conversations, "one import record for all transactions")
	require.Equal(t, "file", imported.Kind)

	const path = "/api/chat-history/import"
	n, err := s.Client.Count(t.Context())
	require.NoError(t, err)
	require.Equal(t, 3, n)
	require.Equal(t, http.StatusBadRequest, s.call(t, http.MethodPost, path+"?restoreDeleted=perhaps", lineOf("7")).status)
	empty, err := s.Client.ImportFile(t.Context(), strings.NewReader("\n"), false)
	require.NoError(t, err)
	require.NotNil(t, empty.ImportID, "that nothing was stored is recorded too")
}

// A line that is too long is a problem with its number, and loses nothing behind it.
func TestALineOverTheLimitOfAnImport(t *testing.T) {
	const most = 3 << 20 // more than is read before a line is decoded
	s := start(t, server.Options{MaxLine: most})
	id := 0
	line := func(length int) string { // of a conversation
		id++
		empty := fmt.Sprintf(`{"conversation":{"id":"%d","messages":[{"role":"human","content":""}]}}`, id)
		return strings.Replace(empty, `""`, `"`+strings.Repeat("x", length-len(empty))+`"`, 1)
	}
	for _, end := range []string{"\n", "\r\n"} {
		for _, over := range []int{2, 3, 100, 1 << 20, 20 << 20} {
			file := line(most) + end + line(most+over) + end + line(100) + end + strings.Repeat("x", most+over) + end + line(200)
			answer, err := s.Client.ImportFile(t.Context(), strings.NewReader(file), false)
			require.NoError(t, err)
			require.Equal(t, []int{3, 2}, []int{answer.Conversations, answer.Failed}, "%d over, %q", over, end)
			for i, at := range []int{2, 4} {
				require.Equal(t, at, answer.Problems[i].Line)
				require.Contains(t, answer.Problems[i].Reason, "longer than 3145728 bytes")
			}
		}
	}
	last, err := s.Client.ImportFile(t.Context(), strings.NewReader(line(100)+"\n"+line(most+2)), false)
	require.NoError(t, err)
	require.Equal(t, []int{1, 1}, []int{last.Conversations, last.Failed})
}

// A file with conversations of many platforms is stored in several transactions.
func TestAnImportMayHaveAnyLength(t *testing.T) {
	s := start(t, server.Options{MaxBody: 1000, MaxUpload: 1000})
	var file strings.Builder
	for i := range 900 {
		file.WriteString(lineOf(fmt.Sprint(i), fmt.Sprintf(`,"platform":"p%d"`, i/300)) + "\n")
	}
	answer, err := s.Client.ImportFile(t.Context(), strings.NewReader(file.String()), false)
	require.NoError(t, err)
	require.Equal(t, 900, answer.Conversations)
	require.Empty(t, answer.Problems)
	imported, err := s.Client.Import(t.Context(), *answer.ImportID)
	require.NoError(t, err)
	require.Equal(t, []int{900, 900}, []int{imported.Conversations, imported.Messages})
}

// Several files can be one import: its record counts all of them, and undoing it deletes what each has created.
func TestAnImportGoesOnWithAnotherFile(t *testing.T) {
	s := start(t, server.Options{})
	const id = "0197b3a0-11aa-7c3e-9d52-6f1f0a6f7c01"
	bytes := 0
	for n, file := range []string{lineOf("1") + "\n" + lineOf("2"), lineOf("2") + "\n" + lineOf("3")} {
		bytes += len(file)
		answer, err := s.Client.ContinueImport(t.Context(), id, "lethe sync", strings.NewReader(file))
		require.NoError(t, err)
		require.Equal(t, []any{id, 2}, []any{*answer.ImportID, answer.Conversations})
		i, err := s.Client.Import(t.Context(), id)
		require.NoError(t, err)
		require.Equal(t, []any{api.ImportCounts{New: 2 + n, Unchanged: n}, bytes, "lethe sync"}, []any{i.Counts, i.BytesRead, *i.FileName})
	}
	list, err := s.Client.Imports(t.Context(), 1, 10)
	require.NoError(t, err)
	require.Len(t, list.Items, 1)
	undone, err := s.Client.DeleteMatching(t.Context(), api.DeleteMatchingRequest{Filter: &api.DeleteFilter{ImportID: new(id)}})
	require.NoError(t, err)
	require.Equal(t, 3, undone.Count)

	_, err = s.Client.ContinueImport(t.Context(), "yesterday", "", strings.NewReader(lineOf("1")))
	require.ErrorContains(t, err, "the id of an import is a UUID such as")
}
