//go:build unix

package main

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"
	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/store/storetest"
	"github.com/lethe-chat/lethe/pkg/api"
	"github.com/lethe-chat/lethe/pkg/client"
)

// eras are the stateless revision of the protocol, and the last one with a handshake.
var eras = []string{"2026-07-28", "2025-11-25"}

// home is one machine: a database, and a folder in which a running service announces itself.
type home struct {
	t       *testing.T
	db      storetest.Database
	runtime string
	url     string // of the service that was started last
	stop    func()
}

func newHome(t *testing.T, db storetest.Database) *home {
	t.Helper()
	return &home{t: t, db: db, runtime: "LETHE_RUNTIME_DIR=" + filepath.Join(t.TempDir(), "run")}
}

// serve starts the service.
func (h *home) serve(environ ...string) {
	h.t.Helper()
	said, stop := servingUntil(h.t, h.db, append([]string{h.runtime}, environ...)...)
	h.url, h.stop = between(h.t, strings.Join(said, "\n"), "listening on ", "\n"), stop
}

// key creates a key, like a user at the command line, and returns it.
func (h *home) key(scopes string) string {
	h.t.Helper()
	return strings.TrimSpace(h.lethe("keys", "create", "--name", "assistant", "--scopes", scopes))
}

func (h *home) lethe(args ...string) string {
	h.t.Helper()
	var stdout, stderr strings.Builder
	require.Equal(h.t, exitOK, run(h.t.Context(), args, append(h.db.Environ(), h.runtime), &stdout, &stderr), stderr.String())
	return stdout.String()
}

// upload stores a conversation and returns its id.
func (h *home) upload(key, title, text string) string {
	h.t.Helper()
	c, err := client.New(h.url, key)
	require.NoError(h.t, err)
	done, err := c.Upload(h.t.Context(), api.UploadRequest{Conversation: api.UploadedChat{
		ID: title, Title: &title, Messages: []api.UploadedMessage{{Role: "human", Content: text}},
	}})
	require.NoError(h.t, err)
	_, err = c.AwaitImport(h.t.Context(), done.ImportID)
	require.NoError(h.t, err)
	return done.ConversationID
}

// program returns a script that is this program, as `lethe mcp config` names it.
func (h *home) program() string {
	h.t.Helper()
	self, err := os.Executable()
	require.NoError(h.t, err)
	path := filepath.Join(h.t.TempDir(), "lethe")
	script := "#!/bin/sh\nexec " + shellQuoted(self) + " " + mainArgument + " \"$@\"\n"
	require.NoError(h.t, os.WriteFile(path, []byte(script), 0o700)) //nolint:gosec // it must be possible to run it
	return path
}

// started returns the transport of a program that an assistant starts, in the environment of this machine.
func (h *home) started(command string, args ...string) sdk.Transport {
	cmd := exec.CommandContext(context.WithoutCancel(h.t.Context()), command, args...)
	cmd.Env = append(h.db.Environ(), h.runtime, "PATH="+os.Getenv("PATH"))
	return &sdk.CommandTransport{Command: cmd}
}

// byAddress returns the transport of an assistant that calls the service itself.
func byAddress(url, authorization string) sdk.Transport {
	return &sdk.StreamableClientTransport{
		Endpoint: url, HTTPClient: &http.Client{Transport: authorized(authorization)}, MaxRetries: -1, DisableStandaloneSSE: true,
	}
}

// authorized adds this header to every request.
type authorized string

func (a authorized) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", string(a))
	return http.DefaultTransport.RoundTrip(r)
}

// assistantOf is a client of the protocol, of one era.
type assistantOf struct {
	*sdk.ClientSession
	t       *testing.T
	changed chan struct{} // one entry for each announcement that the tools have changed
}

func connect(t *testing.T, era string, to sdk.Transport) assistantOf {
	t.Helper()
	a := assistantOf{t: t, changed: make(chan struct{}, 10)}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	session, err := sdk.NewClient(&sdk.Implementation{Name: "test", Version: "1"}, &sdk.ClientOptions{
		ToolListChangedHandler: func(context.Context, *sdk.ToolListChangedRequest) { a.changed <- struct{}{} },
	}).Connect(ctx, to, &sdk.ClientSessionOptions{ProtocolVersion: era})
	require.NoError(t, err)
	require.Equal(t, era, session.InitializeResult().ProtocolVersion)
	t.Cleanup(func() { require.NoError(t, session.Close()) })
	a.ClientSession = session
	return a
}

// calls calls a tool and returns its text and its outcome.
func (a assistantOf) calls(tool string, with map[string]any) (text string, outcome map[string]any, failed bool) {
	a.t.Helper()
	result, err := a.CallTool(a.t.Context(), &sdk.CallToolParams{Name: tool, Arguments: with})
	require.NoError(a.t, err)
	for _, c := range result.Content {
		text += c.(*sdk.TextContent).Text
	}
	outcome, _ = result.StructuredContent.(map[string]any) // an error has none
	return text, outcome, result.IsError
}

func (a assistantOf) tools() (names []string) {
	a.t.Helper()
	for tool, err := range a.Tools(a.t.Context(), nil) {
		require.NoError(a.t, err)
		names = append(names, tool.Name)
	}
	return names
}

// An assistant that starts `lethe mcp` and one that calls the service find, read and delete, in
// both eras. One with a key that only reads is offered no delete.
func TestAssistantsUseTheWholeProgram(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		h := newHome(t, db)
		h.serve()
		both, reads := h.key("read,write"), h.key("read")
		keyFile := filepath.Join(t.TempDir(), "key")
		require.NoError(t, os.WriteFile(keyFile, []byte(reads), 0o600))
		lethe := h.program()
		for _, era := range eras {
			for way, to := range map[string][2]sdk.Transport{
				"lethe mcp": {h.started(lethe, "mcp"), h.started(lethe, "mcp", "--url", h.url, "--key-file", keyFile)},
				"/mcp":      {byAddress(h.url+"/mcp", "Bearer "+both), byAddress(h.url+"/mcp", "Bearer "+reads)},
			} {
				t.Run(era+" "+way, func(t *testing.T) {
					id := h.upload(both, "The ferry", "The ferry leaves at nine.")
					a, reader := connect(t, era, to[0]), connect(t, era, to[1])
					require.Len(t, a.tools(), 10)
					require.Len(t, reader.tools(), 8)
					for _, tool := range []string{"delete_conversations", "delete_matching_conversations"} {
						require.Contains(t, a.tools(), tool)
						require.NotContains(t, reader.tools(), tool)
						_, err := reader.CallTool(t.Context(), &sdk.CallToolParams{Name: tool, Arguments: map[string]any{"ids": []string{id}, "all": true}})
						require.ErrorContains(t, err, "unknown tool")
					}
					for _, one := range []assistantOf{a, reader} {
						text, _, _ := one.calls("search_chat_history", map[string]any{"query": "ferry"})
						require.Contains(t, text, "leaves at nine")
						read, err := one.ReadResource(t.Context(), &sdk.ReadResourceParams{URI: "lethe://conversation/" + id})
						require.NoError(t, err)
						require.Contains(t, read.Contents[0].Text, "leaves at nine")
					}
					_, outcome, _ := a.calls("delete_conversations", map[string]any{"ids": []string{id}})
					require.Equal(t, "confirmation_required", outcome["status"])
					_, outcome, _ = a.calls("delete_conversations", map[string]any{"ids": []string{id}, "confirmToken": outcome["confirmToken"]})
					require.Equal(t, "deleted", outcome["status"])
					require.Equal(t, []any{id}, outcome["deleted"])
					require.Empty(t, h.lethe("list", "--url", h.url, "--key", both))
				})
			}
		}
	})
}

// An assistant is started once and the service again and again: at another address with another
// token, and at the same address. In between, each call says what is missing.
func TestTheRelayFindsTheServiceAgain(t *testing.T) {
	db := storetest.New(t, storetest.SQLite)
	for _, era := range eras {
		t.Run(era, func(t *testing.T) {
			h := newHome(t, db)
			h.serve()
			a := connect(t, era, h.started(h.program(), "mcp"))
			finds := func() {
				t.Helper()
				// The first call after a restart may be one that is not safe to repeat.
				text, outcome, failed := a.calls("delete_conversations", map[string]any{"ids": []string{"0197b3a0-2b1c-7d44-8a55-0e4c9a2d1f10"}})
				require.False(t, failed, text)
				require.Equal(t, "nothing_to_delete", outcome["status"])
				_, outcome, failed = a.calls("chat_history_overview", nil)
				require.False(t, failed)
				require.Contains(t, outcome, "conversations")
			}
			finds()
			first := h.url
			h.stop()
			for _, tool := range []string{"chat_history_overview", "delete_conversations"} {
				text, _, failed := a.calls(tool, map[string]any{"ids": []string{"0197b3a0-2b1c-7d44-8a55-0e4c9a2d1f10"}})
				require.True(t, failed)
				require.Contains(t, text, "no service answers at ")
				require.Contains(t, text, "`lethe serve`")
			}
			_, err := a.ReadResource(t.Context(), &sdk.ReadResourceParams{URI: "lethe://conversation/a"})
			require.ErrorContains(t, err, "`lethe serve`")
			require.Len(t, a.tools(), 10, "the client keeps what there was")

			h.serve()
			require.NotEqual(t, first, h.url)
			finds()
			h.stop()
			h.serve()
			finds() // no call in between: the relay believes that it is connected
			h.stop()
			h.serve("LETHE_ADDR=" + strings.TrimPrefix(h.url, "http://"))
			finds()
		})
	}
}

// An assistant that was started before the service is told why it has no tools, and gets them
// when the service is there.
func TestTheRelayWaitsForTheService(t *testing.T) {
	db := storetest.New(t, storetest.SQLite)
	for _, era := range eras {
		t.Run(era, func(t *testing.T) {
			h := newHome(t, db)
			a, lists := connect(t, era, h.started(h.program(), "mcp")), connect(t, era, h.started(h.program(), "mcp"))
			require.Contains(t, a.InitializeResult().Instructions, "chat_history_status")
			require.Equal(t, []string{"chat_history_status"}, a.tools())
			text, _, failed := a.calls("chat_history_status", nil)
			require.True(t, failed)
			require.Contains(t, text, "no service answers at ")
			require.Contains(t, text, "`lethe serve`")

			h.serve()
			require.Len(t, lists.tools(), 10, "for a client that lists again by itself")
			text, _, failed = a.calls("chat_history_status", nil)
			require.False(t, failed, text)
			select {
			case <-a.changed:
			case <-time.After(patience):
				require.Fail(t, "the client is not told that the tools have changed")
			}
			require.Len(t, a.tools(), 10)
			require.NotContains(t, a.tools(), "chat_history_status")
			_, _, failed = a.calls("chat_history_overview", nil)
			require.False(t, failed)
		})
	}
}

// A key that is revoked while an assistant runs is refused, and the answer says so.
func TestARevokedKeyIsRefused(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		h := newHome(t, db)
		h.serve()
		for _, era := range eras {
			key := h.key("read,write")
			relayed := connect(t, era, h.started(h.program(), "mcp", "--url", h.url, "--key", key))
			direct := connect(t, era, byAddress(h.url+"/mcp", "Bearer "+key))
			_, _, failed := relayed.calls("chat_history_overview", nil)
			require.False(t, failed)
			h.revoke(key)
			text, _, failed := relayed.calls("chat_history_overview", nil)
			require.True(t, failed)
			require.Contains(t, text, "Invalid or revoked API key")
			require.NotContains(t, text, key)
			_, err := direct.CallTool(t.Context(), &sdk.CallToolParams{Name: "chat_history_overview"})
			require.Error(t, err)
			require.Len(t, relayed.tools(), 10)
		}
	})
}

func (h *home) revoke(token string) {
	h.t.Helper()
	for line := range strings.Lines(h.lethe("keys", "list", "--json")) {
		var k struct{ ID, Prefix string }
		require.NoError(h.t, json.Unmarshal([]byte(line), &k))
		if strings.Contains(token, k.Prefix) {
			h.lethe("keys", "revoke", k.ID)
			return
		}
	}
	require.Fail(h.t, "the key is not listed")
}

// What `lethe mcp config` prints works as pasted: each entry starts the program, or reaches the
// service with the key.
func TestEveryPrintedConfigurationWorks(t *testing.T) {
	db := storetest.New(t, storetest.SQLite)
	h := newHome(t, db)
	h.serve()
	key := h.key("read")
	var out strings.Builder
	p := &program{environ: append(db.Environ(), h.runtime), stdout: &out, stderr: io.Discard, stdin: strings.NewReader(""), self: h.program()}
	require.Equal(t, exitOK, p.run(t.Context(), []string{"mcp", "config"}))
	require.Contains(t, out.String(), h.url+"/mcp")

	client, tried := "", map[string]int{}
	for line := range strings.Lines(out.String()) {
		if !strings.HasPrefix(line, " ") {
			client = strings.TrimSpace(line)
			continue
		}
		line = strings.ReplaceAll(strings.TrimSpace(line), "KEY", key)
		if !strings.HasPrefix(line, "{") {
			continue
		}
		var file map[string]map[string]entry
		require.NoError(t, json.Unmarshal([]byte(line), &file), "%s: %s", client, line)
		for _, servers := range file {
			e := servers["lethe"]
			to := h.started(e.Command, e.Args...)
			if e.Command == "" {
				to = byAddress(e.URL+e.HTTPURL+e.ServerURL, e.Headers["Authorization"])
			}
			a := connect(t, eras[1], to)
			_, _, failed := a.calls("chat_history_overview", nil)
			require.False(t, failed, client)
			tried[client]++
		}
	}
	require.Len(t, tried, 8, "%v", tried)
	require.Equal(t, 1, tried["Claude Desktop (claude_desktop_config.json)"])
	require.Equal(t, 2, tried["Zed (settings.json)"])
	codex := between(t, out.String(), "Codex (~/.codex/config.toml)\n", "\n\nGemini")
	require.Contains(t, codex, `command = "`+p.self+`"`)
	require.Contains(t, codex, `http_headers = { Authorization = "Bearer KEY" }`)
	require.Contains(t, out.String(), "claude mcp add --scope user lethe -- "+p.self+" mcp\n")

	out.Reset()
	require.Equal(t, exitOK, p.run(t.Context(), []string{"mcp", "config", "--url", "https://chat.example/"}))
	require.Contains(t, out.String(), `["mcp","--url","https://chat.example/"]`)
	require.Contains(t, out.String(), `"https://chat.example/mcp"`)
	require.NotContains(t, out.String(), h.url)
}
