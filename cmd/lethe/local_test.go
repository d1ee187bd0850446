//go:build unix

package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/app/apptest"
	"github.com/lethe-chat/lethe/internal/localservice"
	"github.com/lethe-chat/lethe/internal/store/storetest"
)

// user is a user at the command line, with a runtime folder of their own.
type user struct {
	t       *testing.T
	environ []string
}

func (u user) lethe(want int, typed *string, args ...string) (stdout, stderr string) {
	u.t.Helper()
	var out, said strings.Builder
	p := &program{environ: u.environ, stdout: &out, stderr: &said, stdin: strings.NewReader("")}
	if typed != nil {
		p.terminal, p.stdin = true, strings.NewReader(*typed)
	}
	require.Equal(u.t, want, p.run(u.t.Context(), args), "%v\n%s", args, said.String())
	return out.String(), said.String()
}

// A started service and a command in another terminal need no key and no address.
func TestTheCommandLineFindsTheServiceByItself(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		runtime := "LETHE_RUNTIME_DIR=" + filepath.Join(t.TempDir(), "run")
		u := user{t, append(db.Environ(), runtime)}
		said := strings.Join(serving(t, db, runtime), "\n")
		service := between(t, said, "listening on ", "\n")
		require.Contains(t, said, "lethe search")

		file := filepath.Join(t.TempDir(), "f.jsonl")
		require.NoError(t, os.WriteFile(file, []byte(`{"conversation":{"id":"x","title":"Keys","messages":[{"role":"human","content":"The flowerpot."}]}}`+"\n"), 0o600))
		out, _ := u.lethe(exitOK, nil, "import", file)
		require.Contains(t, out, "Stored 1 conversation")
		out, _ = u.lethe(exitOK, nil, "list")
		require.Contains(t, out, "Keys")
		out, _ = u.lethe(exitOK, nil, "list", "--url", strings.Replace(service, "127.0.0.1", "localhost", 1))
		require.Contains(t, out, "Keys", "under the other name of this machine")

		services, err := localservice.Find(strings.TrimPrefix(runtime, "LETHE_RUNTIME_DIR="))
		require.NoError(t, err)
		require.Len(t, services, 1)
		require.Equal(t, service, services[0].URL)
		stored := db.Rows(t)
		require.Equal(t, 1, stored["api_keys"], "the token is in no table")

		// A command with another runtime folder does not find the service.
		stranger := user{t, append(db.Environ(), "LETHE_RUNTIME_DIR="+t.TempDir(), "LETHE_ADDR="+strings.TrimPrefix(service, "http://"))}
		_, stderr := stranger.lethe(exitFailure, nil, "list")
		require.Contains(t, stderr, "was not started by you")
		require.Contains(t, stderr, "LETHE_API_KEY")

		// With a second service of the same user, the user has to choose.
		other := storetest.New(t, storetest.SQLite)
		second := between(t, strings.Join(serving(t, other, runtime), "\n"), "listening on ", "\n")
		_, stderr = u.lethe(exitFailure, nil, "list")
		require.Contains(t, stderr, "you run 2 services on this machine")
		require.Contains(t, stderr, service)
		require.Contains(t, stderr, second)
		require.Contains(t, stderr, "LETHE_ADDR")
		out, _ = u.lethe(exitOK, nil, "list", "--url", service)
		require.Contains(t, out, "Keys")
		u.environ = append(u.environ, "LETHE_ADDR="+strings.TrimPrefix(second, "http://"))
		out, _ = u.lethe(exitOK, nil, "list")
		require.NotContains(t, out, "Keys")
	})
}

// The token works only from this machine and only while the service runs. Requests of a proxy count as coming from
// elsewhere.
func TestTheTokenIsValidFromThisMachineWhileTheServiceRuns(t *testing.T) {
	db := storetest.New(t, storetest.SQLite)
	folder := filepath.Join(t.TempDir(), "run")
	ask := func(address, token string, header ...string) int {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address+"/api/chat-history/count", http.NoBody)
		require.NoError(t, err)
		r.Header.Set("Authorization", "Bearer "+token)
		for i := 0; i+1 < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
		}
		response, err := http.DefaultClient.Do(r)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		return response.StatusCode
	}
	var first localservice.Service
	t.Run("while it runs", func(t *testing.T) {
		serving(t, db, "LETHE_RUNTIME_DIR="+folder)
		services, err := localservice.Find(folder)
		require.NoError(t, err)
		require.Len(t, services, 1)
		first = services[0]
		require.Equal(t, http.StatusOK, ask(first.URL, first.Token))
		require.Equal(t, http.StatusUnauthorized, ask(first.URL, first.Token+"x"))
		for _, name := range []string{"X-Forwarded-For", "Forwarded", "Via", "X-Real-IP"} {
			require.Equal(t, http.StatusUnauthorized, ask(first.URL, first.Token, name, "203.0.113.7"), name)
		}
		to, err := url.Parse(first.URL)
		require.NoError(t, err)
		proxy := httptest.NewServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(to); r.SetXForwarded() }})
		defer proxy.Close()
		require.Equal(t, http.StatusUnauthorized, ask(proxy.URL, first.Token))
	})
	require.NoFileExists(t, first.File, "the file goes with the service")
	serving(t, db, "LETHE_RUNTIME_DIR="+folder)
	services, err := localservice.Find(folder)
	require.NoError(t, err)
	require.Equal(t, http.StatusUnauthorized, ask(services[0].URL, first.Token), "the next one has another token")
}

// No secret is sent to a program that cannot prove that it is the service of the file.
func TestAnImpostorGetsNoToken(t *testing.T) {
	var asked []string
	impostor := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.Path+r.Header.Get("Authorization"))
		w.Header().Set("Lethe-Proof", "I am, believe me")
	}))
	defer impostor.Close()
	folder := filepath.Join(t.TempDir(), "run")
	announced, err := localservice.Announce(folder, impostor.URL, localservice.NewToken())
	require.NoError(t, err)
	u := user{t, []string{"LETHE_DATA_DIR=" + t.TempDir(), "LETHE_RUNTIME_DIR=" + folder}}
	_, stderr := u.lethe(exitFailure, nil, "list")
	require.Contains(t, stderr, "is not the service described in "+announced.File+"; nothing was sent to it")
	require.Equal(t, []string{"/healthz"}, asked)
}

// A key can come from a file, from standard input or from a prompt. Then no list of processes shows it.
func TestAKeyThatIsInNoProcessList(t *testing.T) {
	db := storetest.New(t, storetest.SQLite)
	service := apptest.Start(t, db)
	service.Upload(t, "1", "one")
	bare := user{t, append(db.Environ(), "LETHE_RUNTIME_DIR="+t.TempDir())}
	file := filepath.Join(t.TempDir(), "key")
	require.NoError(t, os.WriteFile(file, []byte(apptest.Key+"\n"), 0o600))
	fromFile := user{t, append(bare.environ, "LETHE_API_KEY_FILE="+file)}
	count := func(out string) int {
		var page struct{ Total int }
		require.NoError(t, json.Unmarshal([]byte(out), &page), out)
		return page.Total
	}
	list := func(u user, typed *string, more ...string) string {
		out, _ := u.lethe(exitOK, typed, append([]string{"list", "--json", "--url", service.URL}, more...)...)
		return out
	}
	typed := apptest.Key + "\n"
	require.Equal(t, 1, count(list(bare, nil, "--key-file", file)))
	require.Equal(t, 1, count(list(fromFile, nil)))
	require.Equal(t, 1, count(list(bare, &typed)), "the prompt")
	require.Equal(t, 1, count(list(bare, &typed, "--key-file", "-")))

	_, stderr := bare.lethe(exitFailure, &typed, "list", "--url", service.URL, "--key", "x", "--key-file", "y")
	require.Contains(t, stderr, "none of the others can be")
	for content, says := range map[string]string{"": "contains no key", "a b\n": "more than a key", "a\nb\n": "more than a key"} {
		require.NoError(t, os.WriteFile(file, []byte(content), 0o600))
		_, stderr := fromFile.lethe(exitFailure, nil, "list", "--url", service.URL)
		require.Contains(t, stderr, says)
		_, stderr = fromFile.lethe(exitFailure, nil, "serve")
		require.Contains(t, stderr, says, "the service reads the same file")
	}
	require.NoError(t, os.WriteFile(file, []byte("short"), 0o600))
	_, stderr = fromFile.lethe(exitFailure, nil, "serve")
	require.Contains(t, stderr, "has the wrong length")
	require.NotContains(t, stderr, "short")
	empty := ""
	_, stderr = bare.lethe(exitFailure, &empty, "list", "--url", service.URL)
	require.Contains(t, stderr, "no API key was entered")
}
