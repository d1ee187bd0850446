//go:build unix

package main

import (
	"encoding/json"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/store/storetest"
	"github.com/lethe-chat/lethe/pkg/api"
	"github.com/lethe-chat/lethe/pkg/client"
)

// exchange does what the page does with the code in its address.
func exchange(t *testing.T, page string, header ...string) (status int, session api.PageSession) {
	t.Helper()
	service, code, ok := strings.Cut(page, "/#code=")
	require.True(t, ok, page)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, service+"/api/page/session", strings.NewReader(`{"code":"`+code+`"}`))
	require.NoError(t, err)
	request.Header.Set("Content-Type", "application/json")
	for i := 0; i+1 < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	answer, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer answer.Body.Close()
	if answer.StatusCode == http.StatusOK {
		require.NoError(t, json.NewDecoder(answer.Body).Decode(&session))
	}
	return answer.StatusCode, session
}

// A browser on the machine of the service opens the page without a key, with the address that `lethe serve` prints
// and with the one of `lethe open`. Each works once.
func TestThePageIsOpenedWithoutAKey(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		runtime := "LETHE_RUNTIME_DIR=" + filepath.Join(t.TempDir(), "run")
		u := user{t, append(db.Environ(), runtime)}
		said := strings.Join(serving(t, db, runtime), "\n")
		first := strings.TrimSpace(between(t, said, "makes another):", "Your API key"))
		out, _ := u.lethe(exitOK, nil, "open", "--print")
		second := strings.TrimSpace(out)
		require.NotEqual(t, first, second)

		for _, page := range []string{first, second} {
			status, _ := exchange(t, page, "X-Forwarded-For", "192.0.2.1")
			require.Equal(t, http.StatusForbidden, status, "a browser elsewhere")
			status, session := exchange(t, page)
			require.Equal(t, http.StatusOK, status)
			service, _, _ := strings.Cut(page, "/#")
			c, err := client.New(service, session.Key)
			require.NoError(t, err)
			_, err = c.PageCode(t.Context())
			require.NoError(t, err, "the page may do everything")
			status, _ = exchange(t, page)
			require.Equal(t, http.StatusUnauthorized, status, "the code was used")
		}
		status, _ := exchange(t, first+"x")
		require.Equal(t, http.StatusUnauthorized, status)
	})
}
