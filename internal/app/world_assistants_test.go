package app_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/lethe-chat/lethe/internal/app/apptest"
)

// assistant is a client of the Model Context Protocol with the key of a player.
type assistant struct {
	*sdk.ClientSession
}

// asAssistant calls do with an assistant of the player, in one of the eras of the protocol.
func (p *player) asAssistant(ctx context.Context, do func(assistant) error) error {
	ctx, cancel := context.WithTimeout(ctx, apptest.Patience)
	defer cancel()
	era := pick(p.author, []string{"2026-07-28", "2025-11-25"})
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	session, err := sdk.NewClient(&sdk.Implementation{Name: "world", Version: "1"}, nil).Connect(ctx, &sdk.StreamableClientTransport{
		Endpoint: p.mcp, MaxRetries: -1, DisableStandaloneSSE: true, HTTPClient: &http.Client{Transport: withKey{p.space.token, transport}},
	}, &sdk.ClientSessionOptions{ProtocolVersion: era})
	if err != nil {
		return err
	}
	return errors.Join(do(assistant{session}), session.Close())
}

// withKey adds a key to every request.
type withKey struct {
	key  string
	next http.RoundTripper
}

// RoundTrip sends a request with the key.
func (k withKey) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+k.key)
	return k.next.RoundTrip(r)
}

// call calls a tool and reads its outcome.
func (a assistant) call(ctx context.Context, tool string, with map[string]any, outcome any) error {
	result, err := a.CallTool(ctx, &sdk.CallToolParams{Name: tool, Arguments: with})
	if err != nil {
		return err
	}
	if result.IsError {
		return fmt.Errorf("%s failed: %s", tool, result.Content[0].(*sdk.TextContent).Text)
	}
	data, err := json.Marshal(result.StructuredContent)
	if err != nil {
		return err
	}
	return json.Unmarshal(data, outcome)
}

// readAsAssistant lists the player's conversations, reads one of them and searches for it.
func (p *player) readAsAssistant(ctx context.Context) error {
	return p.asAssistant(ctx, func(a assistant) error {
		listed := map[string]string{}
		for page, pages := 1, 1; page <= pages; page++ {
			var list struct {
				Items      []struct{ ID, Title string }
				TotalPages int
			}
			if err := a.call(ctx, "list_conversations", map[string]any{"platform": p.platform, "page": page, "pageSize": 100}, &list); err != nil {
				return err
			}
			pages = list.TotalPages
			for _, c := range list.Items {
				listed[c.ID] = c.Title
			}
		}
		p.space.mu.Lock()
		want, texts := map[string]string{}, map[string][]string{}
		for n, c := range p.space.chats {
			if n.platform == p.platform {
				want[c.id], texts[c.id] = c.title, slices.Sorted(maps.Values(c.texts))
			}
		}
		p.space.mu.Unlock()
		if !maps.Equal(want, listed) {
			return fmt.Errorf("an assistant sees %v and not %v", listed, want)
		}
		for id := range want {
			var read struct{ Messages []struct{ Text string } }
			if err := a.call(ctx, "get_full_conversation", map[string]any{"conversationId": id, "maxTokens": 100_000}, &read); err != nil {
				return err
			}
			got := make([]string, len(read.Messages))
			for i, m := range read.Messages {
				got[i] = m.Text
			}
			if err := same(texts[id], got); err != nil {
				return err
			}
			break
		}
		return a.call(ctx, "search_chat_history", map[string]any{"query": "other things"}, &struct{}{})
	})
}

// confirmed is the answer of a tool that deletes.
type confirmed struct {
	Status, ConfirmToken string
	WouldDelete          struct{ Conversations int }
	Deleted              []string
}

// deleteByToken asks what would be deleted, and deletes it with the token. The token is of no use
// for other conversations, and not a second time.
func (a assistant) deleteByToken(ctx context.Context, tool string, with map[string]any, ids []string) error {
	var asked, done, again confirmed
	if err := a.call(ctx, tool, with, &asked); err != nil {
		return err
	}
	if asked.WouldDelete.Conversations != len(ids) {
		return fmt.Errorf("%d would be deleted, not %d", asked.WouldDelete.Conversations, len(ids))
	}
	if len(ids) == 0 {
		return nil
	}
	with["confirmToken"] = asked.ConfirmToken
	if err := a.call(ctx, "delete_conversations", map[string]any{"ids": []string{"01a2017b-a6c6-7b09-8e3c-bd716f080d91"}, "confirmToken": asked.ConfirmToken}, &again); err == nil {
		return fmt.Errorf("a token deletes something else: %+v", again)
	}
	if err := a.call(ctx, tool, with, &done); err != nil {
		return err
	}
	if err := a.call(ctx, tool, with, &again); err == nil || !strings.Contains(err.Error(), "nothing was deleted") {
		return fmt.Errorf("a token deletes twice: %+v, %w", again, err)
	}
	return same(ids, done.Deleted)
}

func (p *player) deleteAsAssistant(ctx context.Context) error {
	exclude := p.IntN(4) == 0
	ids := p.take(anyChat, 1+p.IntN(3), exclude)
	return p.asAssistant(ctx, func(a assistant) error {
		asked := append(slices.Clone(ids), "nobody", "01a2017b-a6c6-7b09-8e3c-bd716f080d91")
		return a.deleteByToken(ctx, "delete_conversations", map[string]any{"ids": asked, "exclude": exclude}, ids)
	})
}

func (p *player) deleteMatchingAsAssistant(ctx context.Context) error {
	with, passes := map[string]any{"platform": p.platform}, func(c *modelChat) bool { return !c.pinned }
	switch p.IntN(3) {
	case 0:
		with["pinnedOnly"], passes = true, func(c *modelChat) bool { return c.pinned }
	case 1:
		with["title"], with["includePinned"] = "rEnAmEd", true
		passes = func(c *modelChat) bool { return strings.HasPrefix(c.title, "Renamed") }
	}
	ids := p.take(passes, len(p.own(anyChat)), false)
	return p.asAssistant(ctx, func(a assistant) error { return a.deleteByToken(ctx, "delete_matching_conversations", with, ids) })
}

// toolCall returns the message that calls a tool.
func toolCall(name, arguments string) string {
	return `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"` + name + `","arguments":` + arguments + `}}`
}
