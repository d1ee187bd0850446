package app_test

import (
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/app/apptest"
	"github.com/lethe-chat/lethe/internal/store/storetest"
	"github.com/lethe-chat/lethe/pkg/api"
)

// disturbedImport is an import that something happens to while it runs.
type disturbedImport struct {
	way     importWay
	service *apptest.Service
	db      storetest.Database
	folder  string // for temporary files
	first   int    // number of the first conversation
	before  int    // conversations that are stored already
	long    bool   // each conversation has a long text
}

// The conversations of a disturbed file, and how many of them are surely stored when something happens.
const (
	faultyChats = 1200
	faultyAfter = 700
	faultyLeast = 400
)

// step is a reader that has no bytes, and calls a function when it is read.
type step func() error

// Read calls the function.
func (s step) Read([]byte) (int, error) {
	if err := s(); err != nil {
		return 0, err
	}
	return 0, io.EOF
}

func (d *disturbedImport) lines(from, to int) io.Reader {
	var text strings.Builder
	for i := from; i < to; i++ {
		line := importLine(d.first + i)
		if d.long {
			line = strings.Replace(line, "thanks", strings.Repeat("thanks ", 1200), 1)
		}
		text.WriteString(line)
	}
	return strings.NewReader(text.String())
}

// file is a file during which happens is called: when some of it is stored or, if a file is read after it has arrived,
// shortly before its end.
func (d *disturbedImport) file(ctx context.Context, happens func(id string) error) io.Reader {
	cut := faultyAfter
	if d.readLater() {
		cut = faultyChats - 1
	}
	return io.MultiReader(d.lines(0, cut), step(func() error {
		id, err := d.running(ctx)
		if err != nil {
			return err
		}
		return happens(id)
	}), d.lines(cut, faultyChats))
}

func (d *disturbedImport) readLater() bool { return d.way.name == "in the background" }

// running waits until the import has stored something, and returns its id.
func (d *disturbedImport) running(ctx context.Context) (string, error) {
	for e, err := range d.service.Client.Events(ctx, "import") {
		if err != nil {
			return "", err
		}
		if e.Import != nil && e.Import.State == api.ImportStateReceiving && (d.readLater() || e.Import.Counts.New >= faultyLeast) {
			return e.Import.ID, nil
		}
	}
	return "", ctx.Err()
}

// send sends the file, and returns how that ended and the record of the import.
func (d *disturbedImport) send(t *testing.T, happens func(id string, disconnect func()) error) (*api.Import, error) {
	t.Helper()
	waiting, cancel := context.WithTimeout(t.Context(), apptest.Patience)
	defer cancel()
	sending, disconnect := context.WithCancel(t.Context())
	defer disconnect()
	err := d.way.send(sending, d.service.Client, d.file(waiting, func(id string) error { return happens(id, disconnect) }))
	require.NoError(t, waiting.Err(), "the import has not begun")
	return d.record(t), err
}

// record waits for the end of the import and returns its record. The record counts what is stored, and nothing is
// half stored or left over.
func (d *disturbedImport) record(t *testing.T) *api.Import {
	t.Helper()
	record := ranImport(t, d.service)
	rows := d.db.Rows(t)
	require.Equal(t, rows["conversations"]-d.before, record.Counts.New, "%s: the record counts what is stored", d.way.name)
	require.Equal(t, disturbedMessages*rows["conversations"], rows["messages"], "%s: no conversation is half stored", d.way.name)
	require.Empty(t, d.db.Damage(t))
	if !d.readLater() {
		require.GreaterOrEqual(t, record.Counts.New, faultyLeast, "%s: what was stored before stays", d.way.name)
	}
	left, err := os.ReadDir(d.folder)
	require.NoError(t, err)
	require.Empty(t, left, "%s: nothing of the file is left", d.way.name)
	return record
}

// again sends the file again. Only what is missing is stored.
func (d *disturbedImport) again(t *testing.T) {
	t.Helper()
	stored := d.db.Rows(t)["conversations"] - d.before
	require.NoError(t, d.way.send(t.Context(), d.service.Client, d.lines(0, faultyChats)), d.way.name)
	require.Equal(t, api.ImportCounts{New: faultyChats - stored, Unchanged: stored}, ranImport(t, d.service).Counts, d.way.name)
	d.before += faultyChats
	d.first += faultyChats
}

// eachWay runs a test for every way to send a file, one after the other with the same service.
func eachWay(t *testing.T, start func(t *testing.T, folder string) (storetest.Database, *apptest.Service), test func(t *testing.T, d *disturbedImport)) {
	t.Helper()
	folder := t.TempDir()
	db, service := start(t, folder)
	d := &disturbedImport{service: service, db: db, folder: folder}
	for _, d.way = range importWays() {
		test(t, d)
	}
}

// onBoth starts a service on a database of each kind.
func onBoth(t *testing.T, test func(t *testing.T, d *disturbedImport), opts ...apptest.Option) {
	t.Helper()
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		eachWay(t, func(t *testing.T, folder string) (storetest.Database, *apptest.Service) {
			return db, apptest.Start(t, db, append(opts, apptest.WithEnv("LETHE_EMBEDDER=none", "LETHE_IMPORT_DIR="+folder))...)
		}, test)
	})
}

// An import that is stopped on request stores nothing after the answer, and the sender gets an error.
func TestAnImportIsStopped(t *testing.T) {
	onBoth(t, func(t *testing.T, d *disturbedImport) {
		stored := 0
		record, err := d.send(t, func(id string, _ func()) error {
			stopped, err := d.service.Client.StopImport(t.Context(), id)
			stored = stopped.Counts.New
			return err
		})
		require.Error(t, err, d.way.name)
		require.Equal(t, []any{api.ImportStateStopped, "it was stopped on request", stored}, []any{record.State, *record.Error, record.Counts.New}, d.way.name)
		d.again(t)
	})
}

// An import whose client disconnects is recorded as stopped. Of an import in parts, the service waits for the next
// part.
func TestTheClientOfAnImportDisconnects(t *testing.T) {
	onBoth(t, func(t *testing.T, d *disturbedImport) {
		if d.way.name == "in parts" {
			return
		}
		record, err := d.send(t, func(_ string, disconnect func()) error {
			disconnect()
			return errors.New("disconnected")
		})
		require.Error(t, err, d.way.name)
		require.Equal(t, api.ImportStateStopped, record.State, "%s: %s", d.way.name, reasonOf(record))
		require.NotEmpty(t, reasonOf(record))
		d.again(t)
	})
}

// When the service stops, its imports are recorded as stopped with the reason, and the next start goes on.
func TestTheServiceOfAnImportStops(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		folder := t.TempDir()
		start := func() *apptest.Service {
			return apptest.Start(t, db, apptest.WithEnv("LETHE_EMBEDDER=none", "LETHE_IMPORT_DIR="+folder, "LETHE_SHUTDOWN_TIMEOUT=1s"))
		}
		d := &disturbedImport{service: start(), db: db, folder: folder}
		for _, d.way = range importWays()[:2] { // a client that sends parts goes on after the next start
			waiting, cancel := context.WithTimeout(t.Context(), apptest.Patience)
			stopping, sent := d.service, make(chan error, 1)
			go func() {
				sent <- d.way.send(t.Context(), stopping.Client, d.file(waiting, func(string) error {
					stopping.Interrupt()
					<-waiting.Done() // the rest of the file never comes
					return waiting.Err()
				}))
			}()
			stopping.CutOff(t)
			cancel()
			require.Error(t, <-sent, d.way.name)
			d.service = start()
			record := d.record(t)
			require.Equal(t, api.ImportStateStopped, record.State)
			require.Contains(t, reasonOf(record), "the service stopped", d.way.name)
			d.again(t)
		}
	})
}

// The connections to the database break during an import. It fails with the reason, or goes on.
func TestTheDatabaseOfAnImportBreaksOff(t *testing.T) {
	storetest.OnPostgres(t, theDatabaseOfAnImportBreaksOff)
}

func theDatabaseOfAnImportBreaksOff(t *testing.T) {
	for name, cut := range map[string]func(t *testing.T, db storetest.Database, p *storetest.Proxy){
		"once":                             func(_ *testing.T, _ storetest.Database, p *storetest.Proxy) { p.Cut() },
		"after a commit without an answer": func(_ *testing.T, _ storetest.Database, p *storetest.Proxy) { p.CutAfter("commit") },
		"for longer": func(t *testing.T, db storetest.Database, p *storetest.Proxy) {
			p.Refuse(true)
			p.Cut()
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			direct := storetest.New(t, storetest.Postgres)
			through, proxy := direct.Through(t)
			eachWay(t, func(t *testing.T, folder string) (storetest.Database, *apptest.Service) {
				return direct, apptest.Start(t, through, apptest.WithTrouble(), apptest.WithEnv("LETHE_EMBEDDER=none", "LETHE_IMPORT_DIR="+folder))
			}, func(t *testing.T, d *disturbedImport) {
				sent := make(chan error, 1)
				waiting, cancel := context.WithTimeout(t.Context(), apptest.Patience)
				defer cancel()
				go func() {
					sent <- d.way.send(t.Context(), d.service.Client, d.file(waiting, func(string) error {
						cut(t, direct, proxy)
						return nil
					}))
				}()
				err := <-sent
				proxy.Refuse(false)
				ready(t, d.service)
				if err != nil && d.way.name == "in parts" { // the service waits a minute for the client
					list, err := d.service.Client.Imports(t.Context(), 1, 1)
					require.NoError(t, err)
					_, err = d.service.Client.StopImport(t.Context(), list.Items[0].ID)
					require.NoError(t, err)
				}
				record := d.record(t)
				// The client may have lost the answer, or asked for the state in vain, when all was stored.
				if whole := record.Counts.New == faultyChats && record.State != api.ImportStateFailed && record.State != api.ImportStateStopped; err == nil || whole {
					require.Equal(t, faultyChats, record.Counts.New, d.way.name)
				} else {
					require.Contains(t, []api.ImportState{api.ImportStateFailed, api.ImportStateStopped}, record.State, "%s: %v", d.way.name, err)
					require.NotEmpty(t, reasonOf(record))
				}
				t.Logf("%s: %v; %s, %d stored, %s", d.way.name, err, record.State, record.Counts.New, reasonOf(record))
				d.again(t)
			})
		})
	}
}

// reasonOf returns why an import has ended; empty if it has no reason.
func reasonOf(i *api.Import) string {
	if i.Error == nil {
		return ""
	}
	return *i.Error
}
