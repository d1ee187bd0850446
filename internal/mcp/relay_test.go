package mcp_test

import (
	"context"
	"io"
	"testing"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"
	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/auth"
	"github.com/lethe-chat/lethe/internal/mcp/relay"
)

// relayed returns a session of a client that speaks to the service through a relay.
func (d *desk) relayed(key, revision string, fill form) *sdk.ClientSession {
	d.t.Helper()
	fromClient, toRelay := io.Pipe()
	fromRelay, toClient := io.Pipe()
	ended := make(chan error, 1)
	ctx, cancel := context.WithCancel(context.WithoutCancel(d.t.Context()))
	go func() {
		ended <- relay.Run(ctx, relay.Options{Version: "1.2.3", In: fromClient, Out: toClient, Find: func(context.Context) (string, string, error) {
			return d.URL, key, nil
		}})
	}()
	options := &sdk.ClientOptions{}
	if fill != nil {
		options.ElicitationHandler = func(_ context.Context, r *sdk.ElicitRequest) (*sdk.ElicitResult, error) { return fill(r.Params), nil }
	}
	session, err := sdk.NewClient(&sdk.Implementation{Name: "test", Version: "1"}, options).Connect(d.t.Context(),
		&sdk.IOTransport{Reader: fromRelay, Writer: toRelay}, &sdk.ClientSessionOptions{ProtocolVersion: revision})
	require.NoError(d.t, err)
	d.t.Cleanup(func() {
		_ = session.Close()
		_ = toRelay.Close()
		cancel()
		require.NoError(d.t, <-ended)
	})
	return session
}

// Over standard input and output, forms are shown in every revision, and everything else is
// as over HTTP.
func TestTheRelayInEveryRevision(t *testing.T) {
	d := start(t)
	for _, revision := range revisions {
		t.Run(revision, func(t *testing.T) {
			id := d.upload(d.Key, "ferry", "When does the ferry leave?", "The ferry leaves at nine, said Ada.")
			accept := false
			s := d.relayed(d.Key, revision, func(p *sdk.ElicitParams) *sdk.ElicitResult {
				require.Contains(t, p.Message, `"About ferry"`)
				if accept {
					return &sdk.ElicitResult{Action: "accept", Content: map[string]any{"delete": true}}
				}
				return &sdk.ElicitResult{Action: "decline"}
			})
			require.Equal(t, revision, s.InitializeResult().ProtocolVersion)
			require.ElementsMatch(t, append(append([]string{}, readTools...), deleteTools...), names(t, s))
			require.Contains(t, call(t, s, "search_chat_history", args{"query": "ferry leave"}).text, "leaves at nine")
			require.EqualValues(t, 1, call(t, s, "chat_history_overview", nil).outcome["conversations"])
			read, err := s.ReadResource(t.Context(), &sdk.ReadResourceParams{URI: "lethe://conversation/" + id})
			require.NoError(t, err)
			require.Contains(t, read.Contents[0].Text, "leaves at nine")

			a := call(t, s, "delete_conversations", args{"ids": []string{id}})
			require.Equal(t, "declined", a.outcome["status"], a.text)
			require.Equal(t, 1, d.count())
			accept = true
			a = call(t, s, "delete_conversations", args{"ids": []string{id}})
			require.Equal(t, "deleted", a.outcome["status"], a.text)
			require.Zero(t, d.count())

			id = d.upload(d.Key, "plain", "No form here.")
			plain := d.relayed(d.Key, revision, nil)
			a = call(t, plain, "delete_conversations", args{"ids": []string{id}})
			require.Equal(t, "confirmation_required", a.outcome["status"], a.text)
			a = call(t, plain, "delete_conversations", args{"ids": []string{id}, "confirmToken": a.outcome["confirmToken"]})
			require.Equal(t, "deleted", a.outcome["status"], a.text)

			reader := d.relayed(d.NewKey(t, "default", auth.Read), revision, nil)
			require.ElementsMatch(t, readTools, names(t, reader))
		})
	}
}
