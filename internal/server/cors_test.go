package server_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/server"
)

func TestCORS(t *testing.T) {
	s := start(t, server.Options{CORSOrigins: []string{"https://chat.example.org"}})
	origins := map[string]bool{
		"chrome-extension://abcdefghijklmnop": true,
		"moz-extension://0b8626b0-4cc8":       true,
		"safari-web-extension://x":            true,
		"https://chat.example.org":            true,
		s.URL:                                 true, // the service's own pages
		"https://chat.example.org.evil":       false,
		"http://chat.example.org":             false,
		"https://evil.example":                false,
		"chrome-extension://":                 false,
		"null":                                false,
	}
	for origin, allowed := range origins {
		t.Run(origin, func(t *testing.T) {
			preflight := s.send(t, http.MethodOptions, "/api/chat-history/chats", "", map[string]string{
				"Origin": origin, "Access-Control-Request-Method": "DELETE",
				"Access-Control-Request-Headers": "authorization,content-type", "Access-Control-Request-Private-Network": "true",
			})
			require.Equal(t, http.StatusNoContent, preflight.status, "before any key")
			require.Contains(t, preflight.header.Values("Vary"), "Origin")

			// Errors too: without the headers an extension sees only "Failed to fetch".
			refused := s.send(t, http.MethodGet, "/api/chat-history/count", "", map[string]string{"Origin": origin})
			require.Equal(t, http.StatusUnauthorized, refused.status)
			require.Contains(t, refused.header.Values("Vary"), "Origin")
			missing := s.send(t, http.MethodGet, "/nothing", "", map[string]string{"Origin": origin})

			if !allowed {
				for _, answer := range []reply{preflight, refused, missing} {
					require.Empty(t, answer.header.Get("Access-Control-Allow-Origin"))
					require.Empty(t, answer.header.Get("Access-Control-Allow-Methods"))
					require.Empty(t, answer.header.Get("Access-Control-Allow-Private-Network"))
				}
				return
			}
			for _, answer := range []reply{preflight, refused, missing} {
				require.Equal(t, origin, answer.header.Get("Access-Control-Allow-Origin"))
				require.Empty(t, answer.header.Get("Access-Control-Allow-Credentials"))
			}
			require.Contains(t, preflight.header.Get("Access-Control-Allow-Methods"), "DELETE")
			for _, name := range []string{"Authorization", "Content-Type", "Idempotency-Key", "X-Request-Id"} {
				require.Contains(t, preflight.header.Get("Access-Control-Allow-Headers"), name)
			}
			require.Equal(t, "7200", preflight.header.Get("Access-Control-Max-Age"))
			require.Equal(t, "true", preflight.header.Get("Access-Control-Allow-Private-Network"))
			require.Equal(t, "Retry-After, X-Request-Id", refused.header.Get("Access-Control-Expose-Headers"))
		})
	}
}

func TestPrivateNetworkIsAnsweredWhenAsked(t *testing.T) {
	s := start(t, server.Options{})
	answer := s.send(t, http.MethodOptions, "/api/chat-history/chats", "", map[string]string{
		"Origin": "chrome-extension://a", "Access-Control-Request-Method": "DELETE",
	})
	require.Empty(t, answer.header.Get("Access-Control-Allow-Private-Network"))
}
