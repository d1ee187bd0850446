package main

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/app/apptest"
	"github.com/lethe-chat/lethe/internal/store/storetest"
	"github.com/lethe-chat/lethe/internal/transfer"
	"github.com/lethe-chat/lethe/pkg/api"
	"github.com/lethe-chat/lethe/pkg/client"
)

// importer is a user who imports files.
type importer struct {
	t       *testing.T
	environ []string
	stdin   string
}

// lethe runs the command, requires an exit code, and returns what it prints.
func (i importer) lethe(want int, args ...string) (stdout, stderr string) {
	i.t.Helper()
	var out, said strings.Builder
	p := &program{environ: i.environ, stdout: &out, stderr: &said, stdin: strings.NewReader(i.stdin)}
	require.Equal(i.t, want, p.run(i.t.Context(), args), "%v\n%s%s", args, out.String(), said.String())
	return out.String(), said.String()
}

// exportZip returns the path of an export file as a service sends it: with shards, and files without conversations.
// more are additional members.
func exportZip(t *testing.T, more ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "export.zip")
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	add := func(name string, text []byte) {
		member, err := w.Create(name)
		require.NoError(t, err)
		_, err = member.Write(text)
		require.NoError(t, err)
	}
	for _, name := range []string{"conversations-000.json", "conversations-001.json", "user.json"} {
		text, err := os.ReadFile(filepath.Join("testdata", "import", name))
		require.NoError(t, err)
		add(name, text)
	}
	for n := 0; n < len(more); n += 2 {
		add(more[n], []byte(more[n+1]))
	}
	require.NoError(t, w.Close())
	require.NoError(t, os.WriteFile(path, b.Bytes(), 0o600))
	return path
}

// took matches what differs in each run.
var took = regexp.MustCompile(`Read .* in .*\n`)

const brokenMember, broken = "conversations-002.json", `[{"id":"c-9","title":7,"mapping":{"x":`

func TestImportOfAnExport(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		service := apptest.Start(t, db)
		i := importer{t: t, environ: append(db.Environ(), "LETHE_API_KEY="+apptest.Key, "LETHE_ADDR="+strings.TrimPrefix(service.URL, "http://"))}
		export := exportZip(t)

		out, said := i.lethe(exitOK, "import", "--watch", export)
		require.Equal(t, `FILE                    FORMAT   NEW  UPDATED  UNCHANGED
conversations-000.json  chatgpt    2        0          0
conversations-001.json  chatgpt    1        0          0
all                                3        0          0

Noticed:
  1  files without conversations were left out

Stored 3 conversations: 3 new.
Search finds all of them.
`, took.ReplaceAllString(out, ""))
		require.Empty(t, said)
		found, _ := i.lethe(exitOK, "search", "flowerpot")
		require.Contains(t, found, "Spare key")

		out, _ = i.lethe(exitOK, "import", export)
		require.Contains(t, out, "Stored 3 conversations: 3 unchanged.\n", "importing again changes nothing")
		require.NotContains(t, out, "Search finds")

		require.NoError(t, deleteOne(t, service, "Soup"))
		out, _ = i.lethe(exitOK, "import", export)
		require.Contains(t, out, "Stored 2 conversations: 2 unchanged, 1 left deleted (--restore-deleted stores them).\n")
		require.Contains(t, out, "UNCHANGED  DELETED\n")
		out, _ = i.lethe(exitOK, "import", "--restore-deleted", export)
		require.Contains(t, out, "Stored 3 conversations: 1 new, 2 unchanged.\n")

		out, said = i.lethe(exitPartly, "import", exportZip(t, brokenMember, broken))
		require.Contains(t, out, "conversations-002.json  chatgpt    0        0          0       1\n")
		require.Contains(t, out, "Could not be imported completely:\n  conversations-002.json, element 1: the file ends in the middle of it\n")
		require.Equal(t, "lethe: not everything could be imported\n", said)

		out, _ = i.lethe(exitOK, "import", "--json", "--since", "2025-02-01", "--platform", "chatgpt", export)
		var result transfer.Result
		require.NoError(t, json.Unmarshal([]byte(out), &result))
		require.Equal(t, transfer.Counts{Unchanged: 2, Skipped: 1}, result.Counts)
		recorded, err := service.Client.Import(t.Context(), result.ImportID)
		require.NoError(t, err)
		require.Equal(t, api.ImportState("done"), recorded.State)
		require.Equal(t, "export.zip", *recorded.FileName)
		require.Equal(t, "chatgpt", *recorded.Format)
		require.Equal(t, 1, recorded.Counts.Skipped)
		require.Len(t, recorded.Report.Members, 3)

		out, _ = i.lethe(exitOK, "import", "--watch")
		require.Equal(t, "Everything is indexed: 3 conversations.\n", out)
		_, said = i.lethe(exitFailure, "import", "--workspace", "other", export)
		require.Contains(t, said, `a running service stores in the workspace of the key`)
	})
}

func deleteOne(t *testing.T, service *apptest.Service, title string) error {
	t.Helper()
	for c, err := range service.Client.All(t.Context(), client.ListOptions{}) {
		require.NoError(t, err)
		if c.Title == title {
			_, err := service.Client.Delete(t.Context(), c.ID)
			return err
		}
	}
	return fmt.Errorf("no conversation is called %s", title)
}

// Lethe's own lines are read as they were written. A bad line is reported with its place in the file, not in the
// request.
func TestImportOfOwnLines(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		service := apptest.Start(t, db)
		i := importer{t: t, environ: append(db.Environ(), "LETHE_API_KEY="+apptest.Key, "LETHE_ADDR="+strings.TrimPrefix(service.URL, "http://"))}
		i.lethe(exitOK, "import", exportZip(t))
		file := filepath.Join(t.TempDir(), "all.jsonl")
		i.lethe(exitOK, "export", "--out", file)
		out, _ := i.lethe(exitOK, "import", file)
		require.Contains(t, out, "Stored 3 conversations: 3 unchanged.\n")

		i.stdin = `{"conversation":{"id":"x","messages":[{"role":"human","content":"one"}]}}` + "\n\n" +
			`{"conversation":{"id":"y","messages":[{"role":"stranger","content":"two"}]}}` + "\n"
		out, _ = i.lethe(exitPartly, "import", "-")
		require.Contains(t, out, "standard input, line 3: ")
		require.Contains(t, out, "Stored 1 conversation: 1 new, 1 failed.\n")
	})
}

// A conversation that is longer than a part is sent in several parts, and is complete afterwards.
func TestImportOfALongConversation(t *testing.T) {
	const messages = 12_000
	var line strings.Builder
	line.WriteString(`{"conversation":{"id":"long","marked":true,"messages":[`)
	for n := range messages {
		fmt.Fprintf(&line, `%s{"id":"m%d","role":"human","content":"words %d"}`, strings.Repeat(",", min(n, 1)), n, n)
	}
	line.WriteString("]}}\n")
	file := filepath.Join(t.TempDir(), "long.jsonl")
	require.NoError(t, os.WriteFile(file, []byte(line.String()), 0o600))
	twice := func(i importer) {
		t.Helper()
		for _, want := range []string{"1 new", "1 unchanged"} {
			out, _ := i.lethe(exitOK, "import", file)
			require.Contains(i.t, out, "Stored 1 conversation: "+want+".\n")
		}
	}
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		service := apptest.Start(t, db, apptest.WithEnv("LETHE_EMBEDDER=none"))
		i := importer{t: t, environ: append(db.Environ(), "LETHE_API_KEY="+apptest.Key, "LETHE_ADDR="+strings.TrimPrefix(service.URL, "http://"))}
		twice(i)
		for c, err := range service.Client.All(t.Context(), client.ListOptions{}) {
			require.NoError(t, err)
			require.Equal(t, messages, c.MessageCount)
		}
	})
	t.Run("without a service", func(t *testing.T) {
		db := storetest.New(t, storetest.SQLite)
		i := importer{t: t, environ: append(db.Environ(), "LETHE_RUNTIME_DIR="+filepath.Join(t.TempDir(), "run"), "LETHE_EMBEDDER=none")}
		twice(i)
	})
}

func TestDryRunNeedsNoServiceAndStoresNothing(t *testing.T) {
	data := t.TempDir()
	i := importer{t: t, environ: []string{"LETHE_DATA_DIR=" + data}}
	out, said := i.lethe(exitOK, "import", "--dry-run", exportZip(t))
	require.Equal(t, `FORMAT   PLATFORM  FROM        TO          CONVERSATIONS  MESSAGES
chatgpt  chatgpt   2025-01-01  2025-03-01              3         6

Noticed:
  1  files without conversations were left out

3 conversations with 6 messages would be imported. Nothing was stored.
`, out)
	require.Empty(t, said)
	left, err := os.ReadDir(data)
	require.NoError(t, err)
	require.Empty(t, left)

	out, _ = i.lethe(exitOK, "import", "--dry-run", "--json", filepath.Join("testdata", "import", "conversations-*.json"))
	var preview transfer.Preview
	require.NoError(t, json.Unmarshal([]byte(out), &preview))
	require.Equal(t, 3, preview.Kinds[0].Conversations)
	i.lethe(exitPartly, "import", "--dry-run", exportZip(t, brokenMember, broken))
}

// Without a running service, an import writes to the SQLite file and ends when everything is indexed.
func TestImportWithoutAService(t *testing.T) {
	db := storetest.New(t, storetest.SQLite)
	runtime := "LETHE_RUNTIME_DIR=" + filepath.Join(t.TempDir(), "run")
	i := importer{t: t, environ: append(db.Environ(), runtime, "LETHE_EMBEDDER=hash")}
	export := exportZip(t)
	for _, workspace := range []string{"default", "ada", "ada"} {
		_, said := i.lethe(exitOK, "import", "--workspace", workspace, export)
		require.Contains(t, said, "No service is running; storing directly in the database")
	}
	var many strings.Builder
	for n := range 300 {
		fmt.Fprintf(&many, `{"conversation":{"id":"%d","messages":[{"role":"human","content":"words"}]}}`+"\n", n)
	}
	i.stdin = many.String()
	i.lethe(exitOK, "import", "-")
	out, _ := i.lethe(exitOK, "workspaces", "list")
	require.Regexp(t, `(?m)^ada\s+3\s`, out)

	service := apptest.Start(t, db)
	stats, err := service.Client.Stats(t.Context())
	require.NoError(t, err)
	require.Equal(t, 303, stats.Conversations)
	require.Zero(t, stats.Backlog.Queued+stats.Backlog.Indexing, "everything was indexed before the command ended")
	imports, err := service.Client.Imports(t.Context(), 1, 10)
	require.NoError(t, err)
	require.Equal(t, api.ImportState("done"), imports.Items[0].State)
}

func TestImportsThatCannotBegin(t *testing.T) {
	i := importer{t: t, environ: []string{"LETHE_DATA_DIR=" + t.TempDir(), "LETHE_RUNTIME_DIR=" + filepath.Join(t.TempDir(), "run"), "LETHE_EMBEDDER=hash"}}
	note := filepath.Join(t.TempDir(), "note.json")
	require.NoError(t, os.WriteFile(note, []byte(`{"note":"the secret"}`), 0o600))
	for _, c := range []struct {
		says string
		args []string
	}{
		{"say what to import", nil},
		{"none.zip cannot be opened: no such file or directory\n", []string{"none.zip"}},
		{"no file matches none-*.zip", []string{"none-*.zip"}},
		{"the file has no format that Lethe knows.\nFound:\n  note.json: JSON, an object with the fields note\n", []string{note}},
		{`unknown format "chatgtp"; did you mean chatgpt?`, []string{"--format", "chatgtp", note}},
		{`--since must be a date such as 2025-01-31`, []string{"--since", "yesterday", note}},
		{"no service answers at http://127.0.0.1:1", []string{"--url", "http://127.0.0.1:1", note}},
	} {
		_, said := i.lethe(exitFailure, append([]string{"import"}, c.args...)...)
		require.Contains(t, said, c.says)
		require.NotContains(t, said, "the secret")
	}
}

// An interrupted import says what is stored, and its record says so too. The next import stores the rest.
func TestAnInterruptedImport(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		service := apptest.Start(t, db)
		target, err := url.Parse(service.URL)
		require.NoError(t, err)
		held := make(chan struct{})
		parts := atomic.Int64{}
		proxy := httputil.NewSingleHostReverseProxy(target)
		between := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(r.URL.Path, "/conversations") && parts.Add(1) == 2 {
				_, _ = io.Copy(io.Discard, r.Body)
				close(held)
				<-r.Context().Done()
				return
			}
			proxy.ServeHTTP(w, r)
		}))
		t.Cleanup(between.Close)
		var lines strings.Builder
		for n := range 600 {
			fmt.Fprintf(&lines, `{"conversation":{"id":"%d","messages":[{"role":"human","content":"words"}]}}`+"\n", n)
		}
		file := filepath.Join(t.TempDir(), "many.jsonl")
		require.NoError(t, os.WriteFile(file, []byte(lines.String()), 0o600))

		ctx, interrupt := context.WithCancelCause(t.Context())
		var out, said strings.Builder
		environ := append(db.Environ(), "LETHE_API_KEY="+apptest.Key)
		p := &program{environ: environ, stdout: &out, stderr: &said, stdin: strings.NewReader(""), patience: time.Hour}
		ended := make(chan int, 1)
		go func() { ended <- p.run(ctx, []string{"import", file, "--url", between.URL}) }()
		<-held
		interrupt(errInterrupted)
		select {
		case code := <-ended:
			require.Equal(t, exitInterrupted, code, said.String())
		case <-time.After(patience):
			require.Fail(t, "it does not end")
		}
		require.Contains(t, said.String(), "interrupted; 250 conversations were stored. To store the rest, import again")
		imports, err := service.Client.Imports(t.Context(), 1, 10)
		require.NoError(t, err)
		require.Equal(t, api.ImportState("stopped"), imports.Items[0].State)

		i := importer{t: t, environ: environ}
		result, _ := i.lethe(exitOK, "import", file, "--url", service.URL)
		require.Contains(t, result, "Stored 600 conversations: 350 new, 250 unchanged.\n")
	})
}

func TestProgressInLines(t *testing.T) {
	reading := moment{
		now:  transfer.Progress{Bytes: 52_400_000, Of: 206_000_000, Read: 1204, Indexed: 310},
		took: 5 * time.Second, verb: "Importing", name: "export.zip",
	}
	require.Equal(t, "Importing export.zip: 25%, 52 MB of 206 MB, 1,204 conversations, about 15 s left, 10 MB/s, 310 indexed", reading.line())
	unknown := reading
	unknown.now.Of = -1
	require.Equal(t, "Importing export.zip: 52 MB, 1,204 conversations, 10 MB/s, 310 indexed", unknown.line())
	waiting := moment{now: transfer.Progress{New: 1000, Indexed: 600}, before: 200, took: 8 * time.Second, waiting: true}
	require.Equal(t, "Indexing: 60%, 600 of 1,000 conversations indexed, about 8 s left, 50 a second", waiting.line())
	begun := moment{now: transfer.Progress{Of: 100}, verb: "Reading", name: "a"}
	require.Equal(t, "Reading a: 0%, 0 B of 100 B, 0 conversations", begun.line())
}

func TestProgressOnATerminal(t *testing.T) {
	m := moment{
		now:  transfer.Progress{Bytes: 50_000_000, Of: 200_000_000, Read: 1204},
		took: 5 * time.Second, verb: "Importing", name: "export.zip",
	}
	require.Equal(t, "Importing export.zip  ━━━━━━──────────────────  25%  50 MB of 200 MB  1,204 conversations  about 15 s left  10 MB/s", m.drawn(120))
	require.Equal(t, "Importing export.zip  ━━━━━━──────────────────  25%  50 MB of 200 MB", m.drawn(80))
	m.name = "a\x1b]0;title\a\u202e.zip"
	require.NotContains(t, m.drawn(200), "\x1b")
	require.Contains(t, m.drawn(200), `a\u001b]0;title\u0007\u202e.zip`)
	for columns := 1; columns < 150; columns++ {
		require.LessOrEqual(t, len([]rune(m.drawn(columns))), max(columns-1, 12), columns)
	}
}

func TestTablesOfManyFiles(t *testing.T) {
	r := &transfer.Result{}
	for n := range 21 {
		r.Files = append(r.Files, transfer.File{Path: fmt.Sprint(n), Format: []string{"codex", "aider"}[n%2], Others: n % 2, Counts: transfer.Counts{New: 1000}})
		r.Counts = r.Counts.Plus(r.Files[n].Counts)
	}
	var out strings.Builder
	require.NoError(t, sayResult(&out, r, indexState{ready: 5000, pending: 16_000}, 0))
	require.Equal(t, `FILE      FORMAT     NEW  UPDATED  UNCHANGED
11 files  codex   11,000        0          0
20 files  aider   10,000        0          0
all               21,000        0          0

Stored 21,000 conversations: 21,000 new.
Search finds 5,000 of the 21,000 new ones so far; the others are being indexed.
`+"`lethe import --watch` waits until all are indexed.\n", out.String())
}

func TestGrouped(t *testing.T) {
	for n, want := range map[int]string{0: "0", 12: "12", 999: "999", 1000: "1,000", 123456: "123,456", 1234567: "1,234,567", -1000: "-1,000"} {
		require.Equal(t, want, grouped(n))
	}
}

// A table of any program is imported by naming its columns. A column that it does not have is named together with
// those that it has.
func TestImportOfATable(t *testing.T) {
	i := importer{t: t, environ: []string{"HOME=" + t.TempDir()}}
	file := filepath.Join(t.TempDir(), "chats.csv")
	require.NoError(t, os.WriteFile(file, []byte("thread_id,author,body\n1,Ada,Hello\n1,Bot,Hi\n2,Ada,More\n"), 0o600))
	stdout, _ := i.lethe(0, "import", "--dry-run", "--columns", "conversation=thread_id,role=author", "--columns", "text=body,human=Ada", file)
	require.Contains(t, stdout, "2 conversations with 3 messages would be imported")
	_, stderr := i.lethe(1, "import", "--dry-run", "--columns", "role=author,text=words", file)
	require.Contains(t, stderr, `it has no column "words"; its columns are: thread_id, author, body`)
	_, stderr = i.lethe(1, "import", "--dry-run", "--columns", "rolle=author", file)
	require.Contains(t, stderr, `"rolle" is not a part of a conversation`)
}

// A direct import is killed when some of it is stored. Its record says so as soon as the database is opened again,
// and the next import stores only the rest.
func TestADirectImportIsKilled(t *testing.T) {
	db := storetest.New(t, storetest.SQLite)
	environ := append(db.Environ(), "LETHE_RUNTIME_DIR="+filepath.Join(t.TempDir(), "run"), "LETHE_EMBEDDER=hash")
	self, err := os.Executable()
	require.NoError(t, err)
	lethe := exec.CommandContext(t.Context(), self, mainArgument, "import", "-")
	lethe.Env = environ
	stdin, err := lethe.StdinPipe()
	require.NoError(t, err)
	require.NoError(t, lethe.Start())
	var rest strings.Builder
	for n := range 900 {
		line := fmt.Sprintf(`{"conversation":{"id":"%d","messages":[{"role":"human","content":"words %s"}]}}`+"\n", n, strings.Repeat("and more ", 500))
		rest.WriteString(line)
		if n < 700 {
			_, err := io.WriteString(stdin, line)
			require.NoError(t, err)
		}
	}
	apptest.Await(t, "two parts are stored", func(context.Context) (bool, error) {
		return db.Count(t, "SELECT count(*) FROM sqlite_master WHERE name = 'imports'") == 1 && db.Count(t, "SELECT count(*) FROM conversations") >= 500, nil
	})
	require.NoError(t, lethe.Process.Kill())
	require.Error(t, lethe.Wait())
	stored := db.Rows(t)["conversations"]
	require.Equal(t, stored, db.Rows(t)["messages"])
	require.Empty(t, db.Damage(t))

	i := importer{t: t, environ: environ, stdin: rest.String()}
	out, _ := i.lethe(exitOK, "import", "-")
	require.Contains(t, out, fmt.Sprintf("Stored 900 conversations: %d new, %d unchanged.\n", 900-stored, stored))
	service := apptest.Start(t, db)
	imports, err := service.Client.Imports(t.Context(), 1, 10)
	require.NoError(t, err)
	require.Len(t, imports.Items, 2)
	killed := imports.Items[1]
	require.Equal(t, []any{api.ImportStateStopped, stored}, []any{killed.State, killed.Counts.New})
	require.Contains(t, *killed.Error, "the program that ran it")
}
