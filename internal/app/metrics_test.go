package app_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/app/apptest"
	"github.com/lethe-chat/lethe/internal/store/storetest"
)

// With their own address, the metrics are complete there and served nowhere else.
func TestMetricsAtTheirOwnAddressAreComplete(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		s := apptest.Start(t, db, apptest.WithEnv("LETHE_METRICS_ADDR=127.0.0.1:0"))
		require.Equal(t, http.StatusNotFound, send(t, s, http.MethodGet, "/metrics", "").status)
		beside := *s
		beside.URL, beside.HTTP = s.MetricsURL, http.DefaultClient
		answer := send(t, &beside, http.MethodGet, "/metrics", "")
		require.Equal(t, http.StatusOK, answer.status)
		for _, figure := range []string{"lethe_http_requests_total", "lethe_http_response_size_bytes", "go_goroutines", "process_"} {
			require.Contains(t, answer.body, figure)
		}
		require.Equal(t, http.StatusNotFound, send(t, &beside, http.MethodGet, "/api/chat-history/count", "").status)
	})
}

// Beside the API, the metrics reveal nothing about single answers or the process.
func TestMetricsBesideTheAPIRevealNoSizes(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		s := apptest.Start(t, db)
		s.Upload(t, "a", "hello", "there")
		answer := send(t, s, http.MethodGet, "/metrics", "")
		require.Equal(t, http.StatusOK, answer.status)
		require.Contains(t, answer.body, "lethe_http_requests_total")
		for _, figure := range []string{"_size_bytes", "go_memstats", "process_network"} {
			require.NotContains(t, answer.body, figure)
		}
	})
}
