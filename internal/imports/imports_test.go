package imports_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/embed"
	"github.com/lethe-chat/lethe/internal/exports/format"
	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/history"
	"github.com/lethe-chat/lethe/internal/imports"
	"github.com/lethe-chat/lethe/internal/store"
	"github.com/lethe-chat/lethe/internal/store/storetest"
)

// notes is a format for these tests: an array of texts.
func notes(waiting chan<- struct{}) format.Format {
	return format.Format{
		Name: "notes", Platform: "paper", LookFor: "an array of notes",
		Matches: func(s *format.Sample) bool { return strings.HasPrefix(string(s.Head), `["note`) },
		Read: func(ctx context.Context, m format.Member, out *format.Out) error {
			in, err := m.Open()
			if err != nil {
				return err
			}
			defer in.Close()
			var texts []string
			if err := json.NewDecoder(in).Decode(&texts); err != nil {
				return fault.Invalidf("it is no list of texts")
			}
			for n, text := range texts {
				if text == "wait" { // waits until the import ends
					waiting <- struct{}{}
					<-ctx.Done()
					return ctx.Err()
				}
				if text == "" {
					out.Problem(format.Place{Member: m.Path, Element: n + 1}, fault.Invalidf("it is blank"))
					continue
				}
				c := format.Conversation{Place: format.Place{Member: m.Path, Element: n + 1}}
				c.Platform, c.ExternalID = "paper", text
				c.Messages = []chat.UploadMessage{{Role: "human", Text: text}}
				if err := out.Conversation(c); err != nil {
					return err
				}
			}
			return nil
		},
	}
}

// bench is an importer on a database of its own, and what it logs.
type bench struct {
	imports *imports.Importer
	access  history.Access
	db      storetest.Database
	waiting chan struct{} // receives a value when the reader comes to a text that waits
	writes  atomic.Int64  // statements that write rows of conversations
}

func each(t *testing.T, test func(t *testing.T, b *bench)) {
	t.Helper()
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		b := &bench{db: db, waiting: make(chan struct{}, 1)}
		o := db.Options()
		o.Trace = func(statement string) {
			verb, _, _ := strings.Cut(statement, " ")
			if verb == "INSERT" || verb == "DELETE" || verb == "UPDATE" && !strings.Contains(statement, "imports") {
				b.writes.Add(1)
			}
		}
		s, err := store.Open(t.Context(), o)
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, s.Close()) })
		h := history.New(history.Options{Store: s, Embedder: embed.NewHash()})
		var ws chat.WorkspaceID
		require.NoError(t, s.InTx(t.Context(), func(tx *store.Tx) error {
			ws, err = tx.EnsureWorkspace("w")
			return err
		}))
		b.access = h.AsOperator(ws)
		b.imports = imports.New(imports.Options{History: h, Folder: t.TempDir(), Formats: []format.Format{notes(b.waiting)}})
		test(t, b)
	})
}

func noLines(context.Context, io.Reader) iter.Seq[history.Read] {
	return func(func(history.Read) bool) {}
}

func file(body string) imports.File {
	return imports.File{Name: "notes.json", Size: int64(len(body)), Body: strings.NewReader(body), Lines: noLines}
}

func manyNotes(n int) string {
	texts := make([]string, n)
	for i := range texts {
		texts[i] = fmt.Sprint("note ", i)
	}
	body, _ := json.Marshal(texts)
	return string(body)
}

func (b *bench) record(t *testing.T, id string) chat.Import {
	t.Helper()
	i, err := b.access.Import(t.Context(), id)
	require.NoError(t, err)
	return i
}

// Importing an unchanged file writes only its own record.
func TestAnUnchangedFileIsOnlyRead(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		body := manyNotes(450)
		first, err := b.imports.Import(t.Context(), b.access, file(body))
		require.NoError(t, err)
		require.Equal(t, 450, first.Conversations)
		require.Equal(t, chat.ImportCounts{New: 450}, b.record(t, first.ImportID).Counts)
		rows := b.db.Rows(t)
		b.writes.Store(0)
		again, err := b.imports.Import(t.Context(), b.access, file(body))
		require.NoError(t, err)
		require.Equal(t, chat.ImportCounts{Unchanged: 450}, b.record(t, again.ImportID).Counts)
		require.EqualValues(t, 1, b.writes.Load(), "the record of the import alone")
		rows["imports"]++
		require.Equal(t, rows, b.db.Rows(t))
	})
}

// Problems of reading are in the answer and in the record, with their place.
func TestProblemsHaveTheirPlace(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		done, err := b.imports.Import(t.Context(), b.access, file(`["note 1", "", "note 3"]`))
		require.NoError(t, err)
		require.Equal(t, []int{2, 1, 1}, []int{done.Conversations, done.Failed, len(done.Problems)})
		i := b.record(t, done.ImportID)
		require.Equal(t, []any{chat.StateIndexing, "notes", "notes.json"}, []any{i.State, i.Format, i.FileName})
		require.Equal(t, chat.ImportCounts{New: 2, Failed: 1}, i.Counts)
		require.Equal(t, []chat.ImportProblem{{ImportPlace: chat.ImportPlace{Member: "notes.json", Element: 2}, Reason: "it is blank"}}, i.Report.Problems)
		require.Len(t, i.Report.Members, 1)
	})
}

// broken delivers the beginning of a file, waits for go, and then fails.
type broken struct {
	io.Reader
	arrived chan struct{}
	hold    chan struct{}
	err     error
}

func (b *broken) Read(p []byte) (int, error) {
	if n, err := b.Reader.Read(p); err == nil {
		return n, nil
	}
	close(b.arrived)
	<-b.hold
	return 0, b.err
}

// A file that is stopped while it arrives, or whose sender disconnects, stores nothing, and its record says why.
// Nothing of it stays on the disk.
func TestAFileThatIsStoppedWhileItArrives(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		for name, later := range map[string]bool{"at once": false, "in the background": true} {
			body := &broken{strings.NewReader(`["note 1",`), make(chan struct{}), make(chan struct{}), fault.New(fault.Canceled, "the file broke off")}
			f := file("")
			f.Body, f.Size = body, 100
			ended := make(chan error, 1)
			go func() {
				var err error
				if later {
					_, err = b.imports.Begin(t.Context(), b.access, f)
				} else {
					_, err = b.imports.Import(t.Context(), b.access, f)
				}
				ended <- err
			}()
			<-body.arrived
			list, err := b.access.Imports(t.Context(), 1, 1)
			require.NoError(t, err)
			require.Equal(t, chat.StateReceiving, list.Items[0].State, "it is recorded while it arrives: "+name)
			close(body.hold)
			require.ErrorContains(t, <-ended, "the file broke off", name)
			i := b.record(t, list.Items[0].ID)
			require.Equal(t, []any{chat.StateStopped, "the file broke off"}, []any{i.State, i.Error}, name)
			require.Zero(t, i.Counts, name)
		}
	})
}

// When the service stops, imports in the background end. Their records say why and what was stored.
func TestAStopOfTheServiceIsRecorded(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		running, stop := context.WithCancel(t.Context())
		var ran sync.WaitGroup
		ran.Go(func() { b.imports.Run(running) })
		texts := strings.Replace(manyNotes(450), `"note 449"`, `"wait"`, 1)
		id, err := b.imports.Begin(t.Context(), b.access, file(texts))
		require.NoError(t, err)
		<-b.waiting
		stop()
		ran.Wait()
		i := b.record(t, id)
		require.Equal(t, []any{chat.StateStopped, 400}, []any{i.State, i.Counts.New})
		require.Contains(t, i.Error, "the service stopped")
		_, err = b.imports.Begin(t.Context(), b.access, file(texts))
		require.ErrorContains(t, err, "the service stopped")
	})
}

// A stop on request ends an import in the background. Nothing is stored after the answer to the request.
func TestAStopOnRequestEndsTheReading(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		id, err := b.imports.Begin(t.Context(), b.access, file(`["note 1", "wait"]`))
		require.NoError(t, err)
		<-b.waiting
		stopped, err := b.access.StopImport(t.Context(), id)
		require.NoError(t, err)
		require.Equal(t, chat.StateStopped, stopped.State)
		stopping, cancel := context.WithCancel(t.Context())
		cancel()
		b.imports.Run(stopping) // returns when the reading has ended
		require.Equal(t, stopped, b.record(t, id))
		n, err := b.access.Count(t.Context())
		require.NoError(t, err)
		require.Zero(t, n)
	})
}
