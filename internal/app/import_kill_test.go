package app_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/app/apptest"
	"github.com/lethe-chat/lethe/internal/store/storetest"
	"github.com/lethe-chat/lethe/pkg/api"
	"github.com/lethe-chat/lethe/pkg/client"
)

// The file whose import is disturbed: its conversations, and the messages of each.
const (
	disturbedChats    = 3000
	disturbedMessages = 3
)

// importLine is a conversation as a line of an import.
func importLine(id int) string {
	return fmt.Sprintf(`{"platform":"p","conversation":{"id":"%d","messages":[`+
		`{"role":"human","content":"number %[1]d"},{"role":"assistant","content":"so it is"},{"role":"human","content":"thanks"}]}}`+"\n", id)
}

func importLines(n int) string {
	var file strings.Builder
	for i := range n {
		file.WriteString(importLine(i))
	}
	return file.String()
}

// sentInParts is how many conversations a client sends in one part.
const sentInParts = 200

// importWay is a way to send a file. send returns when the import has ended.
type importWay struct {
	name string
	send func(ctx context.Context, c *client.Client, file io.Reader) error
}

// importWays returns every way to send a file: its lines are stored while they arrive; it is stored after it has
// arrived; the client reads it and sends parts.
func importWays() []importWay {
	return []importWay{
		{"as lines", func(ctx context.Context, c *client.Client, file io.Reader) error {
			_, err := c.ImportFile(ctx, file, false)
			return err
		}},
		{"in the background", func(ctx context.Context, c *client.Client, file io.Reader) error {
			begun, err := c.SendFile(ctx, client.SentFile{Body: file})
			if err != nil {
				return err
			}
			for e, err := range c.FollowImport(ctx, begun.ID) {
				switch {
				case err != nil:
					return err
				case e.State == api.ImportStateFailed, e.State == api.ImportStateStopped:
					return fmt.Errorf("the import has ended: %s", e.State)
				case e.State == api.ImportStateIndexing, e.State == api.ImportStateDone:
					return nil
				}
			}
			return ctx.Err()
		}},
		{"in parts", func(ctx context.Context, c *client.Client, file io.Reader) error {
			job, err := c.StartImport(ctx, api.ImportBegin{})
			if err != nil {
				return err
			}
			end := api.ImportFinish{State: api.ImportFinishStateDone}
			if err := sendParts(ctx, job, file); err != nil {
				end = api.ImportFinish{State: api.ImportFinishStateFailed, Reason: new(err.Error())}
				_, _ = job.Finish(ctx, end) // the service may have ended the import itself
				return err
			}
			_, err = job.Finish(ctx, end)
			return err
		}},
	}
}

func sendParts(ctx context.Context, job *client.ImportJob, file io.Reader) error {
	in := bufio.NewReader(file)
	for {
		var part []byte
		var ended error
		for n := 0; n < sentInParts && ended == nil; n++ {
			var line []byte
			line, ended = in.ReadBytes('\n')
			part = append(part, line...)
		}
		if len(part) > 0 {
			if _, err := job.Send(ctx, part); err != nil {
				return err
			}
		}
		if errors.Is(ended, io.EOF) {
			return nil
		}
		if ended != nil {
			return ended
		}
	}
}

// ranImport waits until the newest import is not running, and returns its record; nil if there is none.
func ranImport(t *testing.T, s *apptest.Service) (record *api.Import) {
	t.Helper()
	apptest.Await(t, "the record says how the import ended", func(ctx context.Context) (bool, error) {
		list, err := s.Client.Imports(ctx, 1, 1)
		if err != nil || len(list.Items) == 0 {
			return err == nil, err
		}
		record = &list.Items[0]
		return record.State != api.ImportStateReceiving && record.State != api.ImportStateReading, nil
	})
	return record
}

// TestKilledInTheMiddleOfAnImport kills the process with SIGKILL at moments that are spread
// over an import, in every way to send a file. The record exists before the first conversation, counts exactly what
// is stored, and says after the next start that the import was stopped. The file leaves nothing on the disk. The same
// file again stores only what is missing.
func TestKilledInTheMiddleOfAnImport(t *testing.T) {
	file := importLines(disturbedChats)
	ways := importWays()
	for _, kind := range storetest.Kinds(t) {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			random := rand.New(rand.NewPCG(storetest.Seed(t, "crash-seed", *crashSeed), 1))
			stopped, partly := 0, 0
			for n, way := range ways {
				points := (*killPoints + n) / len(ways) // together as many as the flag says
				whole := time.Duration(0)
				for i := range points + 1 {
					k := importKill{kind: kind, way: way, file: file}
					if i == 0 { // how long it takes when nobody kills it
						whole = k.undisturbed(t)
						continue
					}
					k.kill(t, time.Duration((float64(i-1)+random.Float64())/float64(points)*float64(whole)))
					stopped += k.stopped
					if k.stored > 0 && k.stored < disturbedChats {
						partly++
					}
				}
				t.Logf("%d kills of an import %s that takes %v", points, way.name, whole)
			}
			t.Logf("of %d kills %d stopped the import, %d of them when a part was stored", *killPoints, stopped, partly)
			require.Positive(t, stopped)
		})
	}
}

// importKill is one killed import and what was found after it.
type importKill struct {
	kind, file string
	way        importWay

	db      storetest.Database
	stored  int // conversations
	stopped int // 1 if the record says that the import was stopped
}

func (k *importKill) start(t *testing.T, folder string) *apptest.Process {
	t.Helper()
	return apptest.StartProcess(t, k.db, apptest.WithEnv("LETHE_EMBEDDER=none", "LETHE_IMPORT_DIR="+folder))
}

// undisturbed returns how long the import takes.
func (k *importKill) undisturbed(t *testing.T) time.Duration {
	t.Helper()
	k.db = storetest.New(t, k.kind)
	p := k.start(t, t.TempDir())
	began := time.Now()
	require.NoError(t, k.way.send(t.Context(), p.Client, strings.NewReader(k.file)))
	took := time.Since(began)
	p.Kill(t)
	return took
}

func (k *importKill) kill(t *testing.T, after time.Duration) {
	t.Helper()
	k.db = storetest.New(t, k.kind)
	folder := t.TempDir()
	p := k.start(t, folder)
	sending, abandon := context.WithCancel(context.WithoutCancel(t.Context()))
	defer abandon()
	answered := make(chan error, 1)
	go func() { answered <- k.way.send(sending, p.Client, strings.NewReader(k.file)) }()
	<-time.After(after) // a moment of the import
	p.Kill(t)
	abandon()
	succeeded := <-answered == nil
	rows := k.db.Rows(t)
	k.stored = rows["conversations"]
	require.Equal(t, disturbedMessages*k.stored, rows["messages"], "%s: no conversation is half stored", k.way.name)
	require.Empty(t, k.db.Damage(t))
	left, err := os.ReadDir(folder)
	require.NoError(t, err)
	require.Empty(t, left, "%s: nothing of the file is left", k.way.name)

	p = k.start(t, folder)
	if k.way.name == "in parts" { // the service waits for its client, who may be alive
		k.ofAClient(t, p)
	} else {
		k.ofTheService(t, p, succeeded)
	}
	require.NoError(t, k.way.send(t.Context(), p.Client, strings.NewReader(k.file)))
	again := ranImport(t, p.Service)
	require.Equal(t, api.ImportCounts{New: disturbedChats - k.stored, Unchanged: k.stored}, again.Counts, k.way.name)
	require.Equal(t, disturbedChats, k.db.Rows(t)["conversations"])
	p.Kill(t)
}

// ofTheService checks the record of an import that the killed program has read.
func (k *importKill) ofTheService(t *testing.T, p *apptest.Process, succeeded bool) {
	t.Helper()
	record := ranImport(t, p.Service)
	if record == nil {
		require.Zero(t, k.stored, "nothing is stored before the record")
		return
	}
	require.Equal(t, k.stored, record.Counts.New, k.way.name)
	if succeeded {
		require.NotEqual(t, api.ImportStateStopped, record.State, "it was answered")
	}
	if record.State == api.ImportStateStopped {
		k.stopped = 1
		require.NotNil(t, record.Error)
		require.NotNil(t, record.EndedAt)
	}
}

// ofAClient checks the record of an import whose client sends the parts. It counts what is stored and is not done; it
// can go on until the client has been silent for a minute.
func (k *importKill) ofAClient(t *testing.T, p *apptest.Process) {
	t.Helper()
	list, err := p.Client.Imports(t.Context(), 1, 1)
	require.NoError(t, err)
	if len(list.Items) == 0 {
		require.Zero(t, k.stored, "nothing is stored before the record")
		return
	}
	record := list.Items[0]
	require.Equal(t, k.stored, record.Counts.New)
	if record.State == api.ImportStateReceiving {
		k.stopped = 1
		_, err := p.Client.StopImport(t.Context(), record.ID)
		require.NoError(t, err)
	}
}
