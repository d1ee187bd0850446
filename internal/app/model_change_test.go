package app_test

import (
	"bufio"
	"context"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/app/apptest"
	"github.com/lethe-chat/lethe/internal/store/storetest"
	"github.com/lethe-chat/lethe/pkg/api"
)

// awaitCurrent waits until no conversation is left with another model, and checks
// meanwhile that keyword search is unaffected.
func awaitCurrent(t *testing.T, s *apptest.Service, model string, conversations int) {
	t.Helper()
	apptest.Await(t, "everything is embedded by "+model, func(ctx context.Context) (bool, error) {
		stats, err := s.Client.Stats(ctx)
		require.Equal(t, []any{model, api.Backlog{}}, []any{stats.Embedding.Model, stats.Backlog})
		require.Zero(t, stats.Embedding.Failed)
		require.Equal(t, stats.Chunks, stats.Embeddings+stats.Unreadable)
		require.Len(t, s.Finds(t, "snarkfeld"), conversations)
		return stats.Embedding.Pending == 0 && stats.Embedding.Unused == 0, err
	})
}

// After a start with another embedder, search by meaning finds everything in the end.
func TestTheEmbedderIsChanged(t *testing.T) {
	const conversations = 60
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		s := apptest.Start(t, db)
		vet := s.Upload(t, "vet", "My dog is sick. Which doctor should we see?", "An animal hospital, says the snarkfeld, is open all night on Main Street.")
		greek := s.Upload(t, "ferry", "船は何時に出ますか", "九時に出ます。切符は前の日に買ってください。snarkfeld")
		for i := range conversations - 2 {
			s.Upload(t, strconv.Itoa(i), "Which train goes to the city with number "+strconv.Itoa(i)+"?", "The one at nine, by the snarkfeld, from the second platform.")
		}
		s.Idle(t)
		stats, err := s.Client.Stats(t.Context())
		require.NoError(t, err)
		before := stats.Embedding
		require.Equal(t, api.EmbeddingStats{Model: before.Model}, before)
		ill := func() api.SearchAnswer {
			answer, err := s.Client.Search(t.Context(), api.SearchRequest{Query: "ill puppy", Mode: new(api.SearchModeSemantic)})
			require.NoError(t, err)
			return answer
		}
		s.Stop(t)

		s = apptest.Start(t, db, apptest.WithEnv("LETHE_EMBEDDER=builtin"))
		stats, err = s.Client.Stats(t.Context())
		require.NoError(t, err)
		require.NotEqual(t, before.Model, stats.Embedding.Model, "the new model is reported from the first answer on")
		awaitCurrent(t, s, stats.Embedding.Model, conversations)
		require.Equal(t, vet, ill().Results[0].ConversationID)
		require.Contains(t, s.Finds(t, "切符"), greek)
		require.Zero(t, db.Count(t, "SELECT count(*) FROM embeddings WHERE model = '"+before.Model+"'"))
		stats, err = s.Client.Stats(t.Context())
		require.NoError(t, err)
		require.Positive(t, stats.Unreadable, "texts that the new model cannot read")
		apptest.Await(t, "the metrics report the end of the change", func(ctx context.Context) (bool, error) {
			return metric(ctx, s, "lethe_embedding_pending_conversations") == "0", nil
		})
		require.Empty(t, db.Damage(t))
	})
}

// metric returns the value of a metric; labels are part of the name.
func metric(ctx context.Context, s *apptest.Service, name string) (value string) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL+"/metrics", nil)
	if err != nil {
		return ""
	}
	res, err := s.HTTP.Do(req)
	if err != nil {
		return ""
	}
	defer res.Body.Close() //nolint:errcheck // it was only read
	lines := bufio.NewScanner(res.Body)
	for lines.Scan() {
		if v, ok := strings.CutPrefix(lines.Text(), name+" "); ok {
			value = v
		}
	}
	return value
}

// A crash during a change of the model repeats only the work in progress.
func TestKilledWhileTheEmbedderIsChanged(t *testing.T) {
	const conversations, held, kills = 20, 2, 3
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		s := apptest.Start(t, db)
		for i := range conversations {
			s.Upload(t, strconv.Itoa(i), "the snarkfeld of number "+strconv.Itoa(i))
		}
		s.Idle(t)
		s.Stop(t)
		gate, asked := apptest.NewGate(), newTally()
		gate.Embedder = asked
		start := func() *apptest.Process {
			return apptest.StartProcess(t, db, apptest.WithEmbedder(gate), apptest.WithLease(crashLease), apptest.WithEnv("LETHE_INDEX_WORKERS="+strconv.Itoa(held)))
		}
		gate.Shut()
		for range kills {
			p := start()
			for range held {
				gate.Arrived(t)
			}
			gate.Next() // these vectors are stored, unless the process is killed first
			gate.Arrived(t)
			p.Kill(t)
			require.Empty(t, db.Damage(t))
		}
		require.Positive(t, db.Count(t, "SELECT count(*) FROM embeddings WHERE model = 'openai/apptest'"))
		gate.Open()
		p := start()
		awaitCurrent(t, p.Service, "openai/apptest", conversations)
		require.Equal(t, conversations, db.Count(t, "SELECT count(*) FROM embeddings WHERE model = 'openai/apptest'"))
		require.Equal(t, conversations, db.Count(t, "SELECT count(*) FROM embeddings"))
		total := 0
		for _, n := range asked.texts() {
			total += n
		}
		require.LessOrEqual(t, total, conversations+held*kills, "only work in progress is repeated")
		require.Empty(t, db.Damage(t))
	})
}
