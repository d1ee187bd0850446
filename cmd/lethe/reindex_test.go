package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/app/apptest"
	"github.com/lethe-chat/lethe/internal/store/storetest"
)

// The command calls the route that indexes failed conversations again, and search then finds them. Ready ones are not
// indexed again.
func TestReindexFailed(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		service := apptest.Start(t, db)
		failed, ready := service.Upload(t, "1", "the snarkfeld is mine"), service.Upload(t, "2", "the wobbelring is yours")
		service.Ready(t, failed, ready)
		db.Break(t, "DELETE FROM embeddings WHERE conversation_id = '"+failed+"'")
		db.Break(t, "DELETE FROM chunks WHERE conversation_id = '"+failed+"'")
		db.Break(t, "UPDATE conversations SET index_state = 'failed', index_error = 'why', attempts = 8, chunk_count = 0, vector_count = 0, term_count = 0 WHERE id = '"+failed+"'")
		require.NotContains(t, service.Finds(t, "snarkfeld"), failed)

		s := shell{t: t, environ: db.Environ(), key: apptest.Key}
		_, stderr := s.run(exitFailure, nil, "reindex", "--url", service.URL)
		require.Contains(t, stderr, "add --failed")
		stdout, _ := s.run(exitOK, nil, "reindex", "--failed", "--url", service.URL)
		require.Equal(t, "Queued 1 conversation.\n", stdout)
		service.Ready(t, failed, ready)
		require.Contains(t, service.Finds(t, "snarkfeld"), failed)
		n, err := service.Client.ReindexFailed(t.Context())
		require.NoError(t, err)
		require.Zero(t, n, "nothing is failed any more")
		require.Empty(t, db.Damage(t))
	})
}
