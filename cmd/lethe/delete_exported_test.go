package main

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/app/apptest"
	"github.com/lethe-chat/lethe/internal/store/storetest"
	"github.com/lethe-chat/lethe/pkg/api"
)

// betweenExportAndDelete is a proxy that calls do after an export has passed through it, before the next request that
// is not a read.
func betweenExportAndDelete(t *testing.T, service string, do func()) string {
	t.Helper()
	to, err := url.Parse(service)
	require.NoError(t, err)
	through := httputil.NewSingleHostReverseProxy(to)
	exported := false
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if exported && r.Method != http.MethodGet {
			do()
		}
		through.ServeHTTP(w, r)
		exported = exported || strings.HasSuffix(r.URL.Path, "/export")
	}))
	t.Cleanup(proxy.Close)
	return proxy.URL
}

// A message that is added to a conversation after the export is neither in the file nor deleted: the delete is
// refused, and the error names the conversation.
func TestADeleteTakesExactlyWhatItExported(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		service := apptest.Start(t, db)
		platform, title := "g", "Keys\x1b]0;owned\x07 and doors"
		upload := func(id string, texts ...string) string {
			u := apptest.Conversation(id, texts...)
			u.Platform, u.Conversation.Title = &platform, &title
			done, err := service.Client.Upload(t.Context(), u)
			require.NoError(t, err)
			return done.ConversationID
		}
		one, two := upload("1", "first"), upload("2", "second")
		pinned := upload("3", "third")
		_, err := service.Client.Edit(t.Context(), api.EditRequest{ConversationID: pinned, Pinned: new(true)})
		require.NoError(t, err)

		file := filepath.Join(t.TempDir(), "f.jsonl")
		lethe := func(want int, between func(), args ...string) (stdout, stderr string) {
			s := shell{t: t, environ: db.Environ(), key: apptest.Key}
			return s.run(want, nil, append(args, "--url", betweenExportAndDelete(t, service.URL, between))...)
		}
		count := func() int {
			n, err := service.Client.Count(t.Context())
			require.NoError(t, err)
			return n
		}
		for _, args := range [][]string{
			{"delete", "--platform", "g", "--export", file, "--yes"},
			{"delete", one, two, "--export", file},
		} {
			texts := []string{"first", "a message that came late", strings.Join(args, " ")}
			_, stderr := lethe(exitFailure, func() { upload("1", texts...) }, args...)
			require.Contains(t, stderr, "nothing was deleted")
			require.Contains(t, stderr, "and doors ("+one+")")
			require.NotContains(t, stderr, two)
			require.Equal(t, 3, count())
			got, err := service.Client.Get(t.Context(), one)
			require.NoError(t, err)
			require.Equal(t, "a message that came late", got.Messages[1].Text)
			require.NoError(t, os.Remove(file))
		}

		// A new conversation is no reason to refuse: it is not in the file, and is not deleted.
		var added string
		stdout, _ := lethe(exitOK, func() { added = upload("4", "new") }, "delete", "--platform", "g", "--export", file, "--yes")
		require.Equal(t, one+"\n"+two+"\n", stdout)
		require.Equal(t, 2, count())
		for _, kept := range []string{pinned, added} {
			_, err := service.Client.Get(t.Context(), kept)
			require.NoError(t, err)
		}
		written, err := os.ReadFile(file)
		require.NoError(t, err)
		require.Equal(t, 2, strings.Count(string(written), "\n"), "the file has what was deleted and no more")
		require.Contains(t, string(written), "a message that came late")

		// The deleted conversations can be restored from the file.
		restored, _ := lethe(exitOK, func() {}, "import", "--restore-deleted", file)
		require.Contains(t, restored, "Stored 2 conversations")
		require.Equal(t, 4, count())
		require.Empty(t, db.Damage(t))
	})
}

// The user is asked about a number of conversations. If the export finds another number, nothing is deleted and no
// file is left.
func TestADeleteWithACopyTakesAsManyAsItSaid(t *testing.T) {
	db := storetest.New(t, storetest.SQLite)
	service := apptest.Start(t, db)
	service.Upload(t, "1", "one")
	to, err := url.Parse(service.URL)
	require.NoError(t, err)
	through := httputil.NewSingleHostReverseProxy(to)
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/export") {
			service.Upload(t, "2", "two")
		}
		through.ServeHTTP(w, r)
	}))
	defer proxy.Close()
	file := filepath.Join(t.TempDir(), "f.jsonl")
	s := shell{t: t, environ: db.Environ(), key: apptest.Key}
	_, stderr := s.run(exitFailure, nil, "delete", "--all", "--yes", "--export", file, "--url", proxy.URL)
	require.Contains(t, stderr, "1 conversation was selected before and 2 now; nothing was deleted")
	require.NoFileExists(t, file)
	n, err := service.Client.Count(t.Context())
	require.NoError(t, err)
	require.Equal(t, 2, n)
}

// A delete of very many conversations is sent in parts. If a later part fails, the command says what the earlier ones
// deleted, and not that nothing was deleted.
func TestADeleteInPartsTellsWhatItHasDeleted(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		service := apptest.Start(t, db)
		all := make([]api.ConversationRevision, 5)
		for i := range all {
			id := service.Upload(t, strconv.Itoa(i), "one")
			all[i] = api.ConversationRevision{ID: id, Revision: 1}
		}
		all[3].Revision = 9 // the second part is refused
		var out, said strings.Builder
		p := &program{stdout: &out, stderr: &said}
		f := deleteFlags{export: "copy.jsonl"}
		deleted, err := p.deleteInParts(t.Context(), service.Client, f, all, 2)
		require.Error(t, err)
		require.ElementsMatch(t, []string{all[0].ID, all[1].ID}, deleted.Deleted)
		require.Contains(t, p.soFar.sentence(), "2 conversations were deleted. A delete of 2 more was already sent")

		told := explain(p.refusedAfter(err, f.export, deleted.Count, len(all)))
		require.Contains(t, told, "2 of 5 conversations were deleted; copy.jsonl contains them all")
		require.Contains(t, told, "("+all[3].ID+")")
		require.NotContains(t, told, "nothing was deleted")
		told = explain(p.refusedAfter(errors.New("the line is cut"), f.export, deleted.Count, len(all)))
		require.Contains(t, told, "2 of 5 conversations were deleted")
		require.Contains(t, told, "The rest could not be deleted: the line is cut")
		n, err := service.Client.Count(t.Context())
		require.NoError(t, err)
		require.Equal(t, 3, n)
	})
}
