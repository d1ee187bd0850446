package app_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/app/apptest"
	"github.com/lethe-chat/lethe/internal/store/storetest"
	"github.com/lethe-chat/lethe/pkg/api"
)

// killImported is how many conversations the file has whose import is killed.
const killImported = 3000

// TestKilledInTheMiddleOfAnImport kills the process with SIGKILL at moments that are spread
// over an import. The record exists before the first conversation, counts exactly what is stored,
// and says after the next start that the import was stopped. The same file again stores only what
// is missing.
func TestKilledInTheMiddleOfAnImport(t *testing.T) {
	points := (*killPoints + 3) / 4 // 3 in the usual tests, 50 in make kill
	for _, kind := range storetest.Kinds(t) {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			var file strings.Builder
			for i := range killImported {
				fmt.Fprintf(&file, "{\"platform\":\"p\",\"conversation\":{\"id\":\"%d\",\"messages\":[{\"role\":\"human\",\"content\":\"number %d\"}]}}\n", i, i)
			}
			random := rand.New(rand.NewPCG(storetest.Seed(t, "crash-seed", *crashSeed), 1))
			whole, stopped := time.Duration(0), 0
			for i := range points + 1 {
				db := storetest.New(t, kind)
				p := apptest.StartProcess(t, db, apptest.WithEnv("LETHE_EMBEDDER=none"))
				began, answered := time.Now(), make(chan error, 1)
				go func() {
					_, err := p.Client.ImportFile(context.WithoutCancel(t.Context()), strings.NewReader(file.String()), false)
					answered <- err
				}()
				if i == 0 { // how long it takes when nobody kills it
					require.NoError(t, <-answered)
					whole = time.Since(began)
					p.Kill(t)
					continue
				}
				<-time.After(time.Duration((float64(i-1) + random.Float64()) / float64(points) * float64(whole))) // a moment of the import
				p.Kill(t)
				ended := <-answered == nil
				stored := db.Rows(t)["conversations"]
				require.Empty(t, db.Damage(t))

				p = apptest.StartProcess(t, db, apptest.WithEnv("LETHE_EMBEDDER=none"))
				var record *api.Import
				apptest.Await(t, "the record says how the import ended", func(ctx context.Context) (bool, error) {
					list, err := p.Client.Imports(ctx, 1, 10)
					if err != nil || len(list.Items) == 0 {
						return err == nil, err // it had not begun
					}
					record = &list.Items[0]
					return record.State != api.ImportStateReceiving && record.State != api.ImportStateReading, nil
				})
				if record == nil {
					require.Zero(t, stored, "nothing is stored before the record")
				} else {
					require.Equal(t, stored, record.Counts.New)
					if ended {
						require.NotEqual(t, api.ImportStateStopped, record.State, "it was answered")
					}
					if record.State == api.ImportStateStopped {
						stopped++
						require.NotNil(t, record.Error)
						require.NotNil(t, record.EndedAt)
					}
				}
				again, err := p.Client.ImportFile(t.Context(), strings.NewReader(file.String()), false)
				require.NoError(t, err)
				second, err := p.Client.Import(t.Context(), *again.ImportID)
				require.NoError(t, err)
				require.Equal(t, api.ImportCounts{New: killImported - stored, Unchanged: stored}, second.Counts)
				require.Equal(t, killImported, db.Rows(t)["conversations"])
				p.Kill(t)
			}
			t.Logf("%d of %d kills stopped an import that takes %v", stopped, points, whole)
			require.Positive(t, stopped)
		})
	}
}
