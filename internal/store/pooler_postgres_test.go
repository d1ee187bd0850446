package store_test

import (
	"net"
	"testing"

	"github.com/jackc/pgx/v5/pgproto3"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/store"
	"github.com/lethe-chat/lethe/internal/store/storetest"
)

// A pooler in transaction mode is refused with what to do, whether it refuses the settings
// of our connections, as PgBouncer does, or ignores them and serves two connections by one
// process.
func TestAPoolerInTransactionModeIsRefused(t *testing.T) {
	t.Parallel()
	storetest.OnPostgres(t, func(t *testing.T) {
		for name, answer := range map[string]func(*pgproto3.Backend) error{
			"refused settings": func(client *pgproto3.Backend) error {
				client.Send(&pgproto3.ErrorResponse{Severity: "FATAL", Code: "08P01", Message: "unsupported startup parameter: statement_timeout"})
				return client.Flush()
			},
			"one process": func(client *pgproto3.Backend) error {
				client.Send(&pgproto3.AuthenticationOk{})
				client.Send(&pgproto3.ParameterStatus{Name: "standard_conforming_strings", Value: "on"})
				client.Send(&pgproto3.ParameterStatus{Name: "client_encoding", Value: "UTF8"})
				client.Send(&pgproto3.ReadyForQuery{TxStatus: 'I'})
				for client.Flush() == nil {
					message, err := client.Receive()
					if err != nil {
						return nil //nolint:nilerr // the client has seen enough
					}
					if _, asks := message.(*pgproto3.Query); !asks {
						return nil
					}
					client.Send(&pgproto3.RowDescription{Fields: []pgproto3.FieldDescription{{Name: []byte("pg_backend_pid"), DataTypeOID: 23, DataTypeSize: 4}}})
					client.Send(&pgproto3.DataRow{Values: [][]byte{[]byte("4711")}})
					client.Send(&pgproto3.CommandComplete{CommandTag: []byte("SELECT 1")})
					client.Send(&pgproto3.ReadyForQuery{TxStatus: 'I'})
				}
				return nil
			},
		} {
			t.Run(name, func(t *testing.T) {
				_, err := store.Open(ctx, store.Options{URL: "postgres://user:password@" + pooler(t, answer) + "/lethe?sslmode=disable"})
				require.True(t, fault.Is(err, fault.Unavailable), "%v", err)
				require.Contains(t, fault.Message(err), "a connection pooler, such as PgBouncer, in a mode that Lethe cannot use")
				require.Contains(t, fault.Message(err), "give the address of PostgreSQL itself")
			})
		}
	})
}

// pooler listens for clients and answers each after its first message. It returns its address.
func pooler(t *testing.T, answer func(*pgproto3.Backend) error) string {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var serving errgroup.Group
	serving.Go(func() error {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return nil //nolint:nilerr // the test has ended
			}
			serving.Go(func() error {
				defer conn.Close() //nolint:errcheck // the client has ended
				client := pgproto3.NewBackend(conn, conn)
				if _, err := client.ReceiveStartupMessage(); err != nil {
					return err
				}
				return answer(client)
			})
		}
	})
	t.Cleanup(func() {
		require.NoError(t, listener.Close())
		require.NoError(t, serving.Wait())
	})
	return listener.Addr().String()
}
