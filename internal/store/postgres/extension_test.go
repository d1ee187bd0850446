package postgres

import (
	"io"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/fault"
)

// The errors of a server without pgvector. They cannot be produced with a server that has it.
func TestServersThatDoNotGivePgvector(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]string{
		"0A000": "install it (0.8.4 or newer)",
		"58P01": "install it (0.8.4 or newer)",
		"25006": "is LETHE_DATABASE_URL the address of a replica?",
		"42501": "run CREATE EXTENSION vector as a superuser",
		"53100": "run CREATE EXTENSION vector",
	} {
		err := vectorFault(&pgx.ConnConfig{}, &pgconn.PgError{Code: code})
		require.True(t, fault.Is(err, fault.Unavailable), "%v", err)
		require.Contains(t, fault.Message(err), want, code)
	}
	err := vectorFault(&pgx.ConnConfig{}, io.ErrUnexpectedEOF)
	require.Contains(t, fault.Message(err), "cannot be reached")
}
