package main

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/app/apptest"
	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/store/storetest"
)

// typing runs a command and answers its prompts, up to the end of the input.
func (s shell) typing(want int, typed string, args ...string) (stdout, stderr string) {
	return s.run(want, &typed, args...)
}

// An answer that was meant for another question is not used as a file name. In every case, a delete needs a yes to
// its own question.
func TestAnswersAtThePrompts(t *testing.T) {
	db := storetest.New(t, storetest.SQLite)
	service := apptest.Start(t, db)
	id := service.Upload(t, "1", "one")
	s := shell{t: t, environ: db.Environ(), key: apptest.Key}
	t.Chdir(t.TempDir())
	files := func() []string {
		found, err := filepath.Glob("*")
		require.NoError(t, err)
		return found
	}
	for _, typed := range []string{"", "y", "y\n", "y\ny\n", "Y\n\nn\n", "yes\n\n", "no\n\nno\n", "n\nn\n", "ok\n\n\n", "copy.jsonl\n", "copy.jsonl\nn\n"} {
		_, stderr := s.typing(exitFailure, typed, "delete", id, "--url", service.URL)
		require.Contains(t, stderr, "nothing was deleted", "%q", typed)
		require.Empty(t, files(), "%q", typed)
	}
	_, stderr := s.typing(exitFailure, "y\ny\n", "delete", id, "--url", service.URL)
	require.Contains(t, stderr, `"y" is not a file name with an extension`)
	require.Contains(t, stderr, "This deletes 1 conversation. There is no undo.")

	stdout, _ := s.typing(exitOK, "y\ncopy.jsonl\ny\n", "delete", id, "--url", service.URL)
	require.Equal(t, id+"\n", stdout)
	require.Equal(t, []string{"copy.jsonl"}, files())
}

// Each mistake gets one message that says what was wrong, in the caller's terms.
func TestMistakesAreToldPlainly(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		service := apptest.Start(t, db)
		id := service.Upload(t, "1", "one")
		s := shell{t: t, environ: db.Environ(), key: apptest.Key}
		nobody := "http://127.0.0.1:1"
		unknown := chat.NewID()
		for _, c := range []struct {
			typed, says string
			args        []string
		}{
			{"", "standard input contains no ids; nothing was deleted", []string{"delete", "-"}},
			{" \n\n", "standard input contains no ids; nothing was deleted", []string{"delete", "-"}},
			{id + "\n", "not both", []string{"delete", "-", id}},
			{"", "none of these conversations exists", []string{"delete", "x"}},
			{"", "conversation " + unknown + ": Conversation not found", []string{"delete", unknown, "--export", filepath.Join(t.TempDir(), "f")}},
			{"", "Conversation not found", []string{"export", unknown}},
			{"", "Invalid or revoked API key", []string{"list", "--key", "lethe_no"}},
			{"", "an API key is needed, without spaces", []string{"list", "--key", "a b"}},
			{"", "no service answers at " + nobody, []string{"list", "--url", nobody}},
			{"", `"nonsense" is not the address of a service`, []string{"list", "--url", "nonsense"}},
			{"", "cannot be opened: no such file", []string{"import", filepath.Join(t.TempDir(), "none")}},
		} {
			args := c.args
			if !strings.Contains(strings.Join(args, " "), "--url") {
				args = append(args, "--url", service.URL)
			}
			var out, said strings.Builder
			p := &program{environ: append(s.environ, "LETHE_API_KEY="+s.key), stdout: &out, stderr: &said, stdin: strings.NewReader(c.typed)}
			require.Equal(t, exitFailure, p.run(t.Context(), args), "%v", args)
			require.Contains(t, said.String(), c.says, "%v", args)
			require.Equal(t, 1, strings.Count(said.String(), "lethe: "), "%v: %s", args, said.String())
		}
		for asked, says := range map[string]string{"x": `there is no receipt "x"`, unknown: `there is no receipt "` + unknown + `"`} {
			_, stderr := s.run(exitFailure, nil, "doctor", "--receipt", asked)
			require.Contains(t, stderr, says)
		}
		n, err := service.Client.Count(t.Context())
		require.NoError(t, err)
		require.Equal(t, 1, n)
	})
}
