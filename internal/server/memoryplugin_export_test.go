package server_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/server"
	"github.com/lethe-chat/lethe/pkg/api"
	"github.com/lethe-chat/lethe/pkg/client"
)

// An exported conversation can be uploaded again unchanged: each line is the body of an
// upload.
func TestAnExportCanBeUploadedAgain(t *testing.T) {
	s := start(t, server.Options{})
	s.foreign(t)
	var ids []string
	for i := range 105 { // more than the store reads at once
		ids = append(ids, s.upload(t, fmt.Sprint("number ", i), "hello", "good day"))
	}
	_, err := s.Client.Edit(t.Context(), api.EditRequest{ConversationID: ids[3], Pinned: new(true)})
	require.NoError(t, err)
	export := func(o client.ListOptions) string {
		var file strings.Builder
		require.NoError(t, s.Client.Export(t.Context(), o, &file))
		return file.String()
	}
	all := export(client.ListOptions{})
	require.Equal(t, 105, strings.Count(all, "\n"))
	pinned := export(client.ListOptions{PinnedOnly: true})
	require.Equal(t, 1, strings.Count(pinned, "\n"))
	require.Empty(t, export(client.ListOptions{Title: "nobody's"}))
	var one strings.Builder
	require.NoError(t, s.Client.ExportOne(t.Context(), ids[3], &one))
	require.Equal(t, pinned, one.String())
	require.True(t, client.IsNotFound(s.Client.ExportOne(t.Context(), "x", &one)))

	const upload = "/api/chat-history/ingest/custom-online"
	before, err := s.Client.ExportRevisions(t.Context(), client.ListOptions{}, false, io.Discard)
	require.NoError(t, err)
	for line := range strings.Lines(all) {
		require.Equal(t, http.StatusOK, s.call(t, http.MethodPost, upload, line).status)
		break
	}
	after, err := s.Client.ExportRevisions(t.Context(), client.ListOptions{}, false, io.Discard)
	require.NoError(t, err)
	require.Equal(t, before, after, "uploading a stored conversation again changes nothing")
	_, err = s.Client.DeleteMatching(t.Context(), api.DeleteMatchingRequest{All: new(true), IncludePinned: new(true)})
	require.NoError(t, err)
	require.Empty(t, export(client.ListOptions{}))
	for line := range strings.Lines(all) {
		require.Equal(t, http.StatusOK, s.call(t, http.MethodPost, upload, line).status)
	}
	require.ElementsMatch(t, strings.Split(all, "\n"), strings.Split(export(client.ListOptions{}), "\n"))

	for query, want := range map[string]int{
		"?dateFrom=x": 400, "?pinnedOnly=maybe": 400, "?conversationId=" + ids[0]: 404, "?provider=all&title=": 200,
	} {
		require.Equal(t, want, s.call(t, http.MethodGet, "/api/chat-history/export"+query, "").status, query)
	}
}

// An export of everything begins with a line that says what it is, ends with one that says that
// it is complete, and takes no other parameter.
func TestAnExportOfEverything(t *testing.T) {
	s := start(t, server.Options{})
	s.foreign(t)
	s.upload(t, "mine", "hello", "good day")
	var file strings.Builder
	require.NoError(t, s.Client.ExportEverything(t.Context(), &file))
	lines := strings.Split(strings.TrimSuffix(file.String(), "\n"), "\n")
	require.True(t, strings.HasPrefix(lines[0], `{"everything":{"version":1,`), lines[0])
	require.Contains(t, lines[0], `"tombstoneKey":"`)
	require.Contains(t, lines[0], `"workspaces":["`)
	require.Equal(t, `{"end":{"workspaces":2,"conversations":2,"messages":3,"imports":2,"tombstones":0,"deletions":0}}`, lines[len(lines)-1])

	const export = "/api/chat-history/export?everything=true"
	require.Equal(t, http.StatusOK, s.call(t, http.MethodHead, export, "").status)
	for _, more := range []string{"&title=x", "&archived=false", "&excludePinned=true", "&revisions=true", "&conversationId=x"} {
		answer := s.call(t, http.MethodGet, export+more, "")
		require.Equal(t, http.StatusBadRequest, answer.status, more)
		require.Contains(t, answer.body, "no other parameter")
	}
	require.Equal(t, http.StatusBadRequest, s.call(t, http.MethodGet, "/api/chat-history/export?everything=maybe", "").status)
}
