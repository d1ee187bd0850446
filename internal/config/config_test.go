package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/fault"
)

var linux = machine{os: "linux", cpus: 6}

// with adds what every start has.
func with(environ ...string) []string {
	return append([]string{"HOME=/home/ada", "PATH=/bin"}, environ...)
}

func TestDefaults(t *testing.T) {
	want := Config{
		Addr: "127.0.0.1:8787", DataDir: "/home/ada/.local/share/lethe", Embedder: EmbedderBuiltin,
		RuntimeDir: "/home/ada/.local/state/lethe/run", Command: "lethe",
		SenderStyle: "human", LogLevel: slog.LevelInfo, LogFormat: LogText, Workers: 6, MemoryBudget: 192, ShutdownTimeout: 10 * time.Second,
	}
	got, err := load(with(), linux)
	require.NoError(t, err)
	require.Equal(t, want, got)

	unset := with()
	for _, v := range Variables() {
		unset = append(unset, v.Name+"= ")
	}
	got, err = load(unset, linux)
	require.NoError(t, err)
	require.Equal(t, want, got, "an empty variable is one that is not set")
}

func TestEverythingSet(t *testing.T) {
	got, err := load(with(
		"LETHE_ADDR=0.0.0.0:80", "LETHE_METRICS_ADDR=127.0.0.1:9090", "LETHE_DATABASE_URL=postgres://u:p@db:5432/lethe?sslmode=require", "LETHE_DATA_DIR= /var/lib/lethe ",
		"LETHE_API_KEY=0123456789abcdef", "LETHE_EMBEDDER=openai", "LETHE_EMBEDDINGS_URL=http://ollama:11434/v1",
		"LETHE_EMBEDDINGS_MODEL=nomic-embed-text", "LETHE_EMBEDDINGS_API_KEY=sk-1",
		"LETHE_RERANK_URL=http://judge:8080/v1", "LETHE_RERANK_MODEL=bge", "LETHE_RERANK_API_KEY=sk-2",
		"LETHE_LLM_URL=http://writer:8080/v1", "LETHE_LLM_MODEL=qwen", "LETHE_LLM_API_KEY=sk-3",
		"LETHE_CORS_ORIGINS=https://Chat.Example.com:443, http://localhost:3000,https://chat.example.com,",
		"LETHE_ALLOWED_HOSTS=Lethe.Example.com, 10.0.0.7,[::1]", "LETHE_RATE_LIMIT=2.5", "LETHE_RATE_BURST=9",
		"LETHE_SENDER_STYLE=user", "LETHE_TIMEZONE=Europe/Berlin", "LETHE_LOG_LEVEL=WARN", "LETHE_LOG_FORMAT=json", "LETHE_INDEX_WORKERS=64", "LETHE_MAX_TOKENS=500000", "LETHE_MEMORY_BUDGET=256", "LETHE_SHUTDOWN_TIMEOUT=1m30s",
		"LETHE_SHUTDOWN_DELAY=5s", "LETHE_LEDGER=/var/lib/lethe-ledger/ledger", "LETHE_LEDGER_RETENTION=2160h",
		"LETHE_RUNTIME_DIR=/run/lethe", "LETHE_PUBLIC_URL=https://Lethe.example.com/", "LETHE_COMMAND=docker exec lethe lethe",
	), linux)
	require.NoError(t, err)
	require.Equal(t, Config{
		Addr: "0.0.0.0:80", MetricsAddr: "127.0.0.1:9090", DatabaseURL: "postgres://u:p@db:5432/lethe?sslmode=require", DataDir: "/var/lib/lethe",
		APIKey: "0123456789abcdef", Embedder: EmbedderOpenAI, EmbeddingsURL: "http://ollama:11434/v1",
		EmbeddingsModel: "nomic-embed-text", EmbeddingsAPIKey: "sk-1",
		RerankURL: "http://judge:8080/v1", RerankModel: "bge", RerankAPIKey: "sk-2",
		LLMURL: "http://writer:8080/v1", LLMModel: "qwen", LLMAPIKey: "sk-3",
		CORSOrigins: []string{"https://chat.example.com", "http://localhost:3000"},
		Hosts:       []string{"lethe.example.com", "10.0.0.7", "::1"}, RatePerSecond: 2.5, RateBurst: 9,
		SenderStyle: "user", Timezone: "Europe/Berlin", LogLevel: slog.LevelWarn, LogFormat: LogJSON, Workers: 64, MaxTokens: 500_000, MemoryBudget: 256, ShutdownTimeout: 90 * time.Second,
		Ledger: "/var/lib/lethe-ledger/ledger", LedgerRetention: 90 * 24 * time.Hour,
		ShutdownDelay: 5 * time.Second, RuntimeDir: "/run/lethe", PublicURL: "https://Lethe.example.com", Command: "docker exec lethe lethe",
	}, got)
}

// TestValues goes through single values: those that are taken, and for the
// others the words that must be in the one line about them.
func TestValues(t *testing.T) {
	openai := []string{"LETHE_EMBEDDER=openai", "LETHE_EMBEDDINGS_URL=http://x/v1", "LETHE_EMBEDDINGS_MODEL=m"}
	for _, c := range []struct {
		set  string
		more []string
		says string // empty: taken
	}{
		{set: "LETHE_ADDR=:8787"},
		{set: "LETHE_ADDR=127.0.0.1:0"},
		{set: "LETHE_ADDR=[::1]:8787"},
		{set: "LETHE_ADDR=[fe80::1%eth0]:8787"},
		{set: "LETHE_ADDR=lethe_1.local:80"},
		{set: "LETHE_ADDR=8787", says: `"8787" is not an address with a port; use host:port`},
		{set: "LETHE_METRICS_ADDR=:9090"},
		{set: "LETHE_METRICS_ADDR=127.0.0.1:0"},
		{set: "LETHE_METRICS_ADDR=9090", says: `"9090" is not an address with a port`},
		{set: "LETHE_METRICS_ADDR=127.0.0.1:8787", says: "is the address of LETHE_ADDR"},
		{set: "LETHE_ADDR=localhost", says: "is not an address with a port"},
		{set: "LETHE_ADDR=::1:80", says: "is not an address with a port"},
		{set: "LETHE_ADDR=localhost:http", says: "port that is not a number"},
		{set: "LETHE_ADDR=localhost:65536", says: "port that is not a number"},
		{set: "LETHE_ADDR=localhost:-1", says: "port that is not a number"},
		{set: "LETHE_ADDR=http://localhost:80", says: "is not an address with a port"},
		{set: "LETHE_ADDR=a b:80", says: "neither a name nor an IP"},
		{set: "LETHE_ADDR=-a:80", says: "neither a name nor an IP"},

		{set: "LETHE_LEDGER=/mnt/ledger/lethe"},
		{set: "LETHE_LEDGER=postgres://ledger/lethe", more: []string{"LETHE_LEDGER_RETENTION=720h"}},
		{set: "LETHE_LEDGER=postgres://db/lethe", more: []string{"LETHE_DATABASE_URL=postgres://db/lethe"}, says: "is the database itself"},
		{set: "LETHE_LEDGER=mysql://db/lethe", says: "is neither a path nor an address of PostgreSQL"},
		{set: "LETHE_LEDGER=ledger", says: "use the whole path"},
		{set: "LETHE_LEDGER=~/ledger", says: "only a shell understands"},
		{set: "LETHE_LEDGER=/data/sub/../ledger", more: []string{"LETHE_DATA_DIR=/data"}, says: "is in LETHE_DATA_DIR"},
		{set: "LETHE_LEDGER=/database", more: []string{"LETHE_DATA_DIR=/data"}},
		{set: "LETHE_LEDGER_RETENTION=720h", says: "has no effect without a ledger"},
		{set: "LETHE_LEDGER_RETENTION=-1h", more: []string{"LETHE_LEDGER=/x"}, says: "is out of range"},

		{set: "LETHE_DATABASE_URL=postgres://db/lethe"},
		{set: "LETHE_DATABASE_URL=postgresql:///lethe?host=/run/postgresql"},
		{set: "LETHE_DATABASE_URL=mysql://u:hunter2@db/x", says: "does not begin with postgres://"},
		{set: "LETHE_DATABASE_URL=host=db password=hunter2", says: "does not begin with postgres://"},
		{set: "LETHE_DATABASE_URL=postgres://u:hunter2%zz@db/x", says: "cannot be read as an address"},
		{set: "LETHE_DATABASE_URL=postgres:///lethe", says: "names no host"},

		{set: "LETHE_DATA_DIR=relative/dir"},
		{set: "LETHE_DATA_DIR=~/lethe", says: "only a shell understands"},
		{set: "LETHE_DATA_DIR=/a\x00b", says: "NUL"},

		{set: "LETHE_API_KEY=" + strings.Repeat("k", 512)},
		{set: "LETHE_API_KEY=hunter2hunter2!", says: "has the wrong length; use 16 to 512 printable"},
		{set: "LETHE_API_KEY=" + strings.Repeat("k", 513), says: "has the wrong length"},
		{set: "LETHE_API_KEY=hunter2 hunter2 hunter2", says: "contains a space"},
		{set: "LETHE_API_KEY=hunter2hunter2hüntér2", says: "contains a space or a character"},

		{set: "LETHE_API_KEY_FILE=/run/secrets/key"},
		{set: "LETHE_API_KEY_FILE=/run/secrets/key", more: []string{"LETHE_API_KEY=0123456789abcdef"}, says: "set one of them"},
		{set: "LETHE_RUNTIME_DIR=~/run", says: "only a shell understands"},
		{set: "LETHE_PUBLIC_URL=http://127.0.0.1:9000"},
		{set: "LETHE_PUBLIC_URL=127.0.0.1:9000", says: "is not such an address; use an http or https address"},
		{set: "LETHE_PUBLIC_URL=http://x/path", says: "is not such an address"},

		{set: "LETHE_EMBEDDER=none"},
		{set: "LETHE_EMBEDDER=builtin"},
		{set: "LETHE_EMBEDDER=hash"},
		{set: "LETHE_EMBEDDER=word2vec", says: `"word2vec" is unknown; use builtin, openai or none`},
		{set: "LETHE_EMBEDDINGS_URL=nonsense"}, // not read by builtin
		{set: "LETHE_EMBEDDINGS_URL=https://api.openai.com/v1", more: append(openai, "LETHE_EMBEDDINGS_API_KEY=sk-1")},
		{set: "LETHE_EMBEDDINGS_URL=localhost:11434", more: openai, says: "is not an http or https address"},
		{set: "LETHE_EMBEDDINGS_URL=http://", more: openai, says: "is not an http or https address"},
		{set: "LETHE_EMBEDDINGS_URL=http://u:hunter2@x/v1", more: openai, says: "put the key into LETHE_EMBEDDINGS_API_KEY"},
		{set: "LETHE_EMBEDDINGS_URL=http://x/v1?key=hunter2", more: openai, says: "something after the path"},
		{set: "LETHE_EMBEDDINGS_MODEL=" + strings.Repeat("m", 181), more: openai, says: "longer than 180 bytes"},
		{set: "LETHE_RERANK_URL=http://x/v1", more: []string{"LETHE_RERANK_MODEL=m"}},
		{set: "LETHE_RERANK_URL=judge:80", more: []string{"LETHE_RERANK_MODEL=m"}, says: "is not an http or https address"},
		{set: "LETHE_RERANK_URL=http://u:hunter2@x/v1", more: []string{"LETHE_RERANK_MODEL=m"}, says: "put the key into LETHE_RERANK_API_KEY"},
		{set: "LETHE_RERANK_MODEL=m", says: "has no effect without a server; set LETHE_RERANK_URL"},
		{set: "LETHE_RERANK_API_KEY=x"},
		{set: "LETHE_LLM_URL=http://x/v1", more: []string{"LETHE_LLM_MODEL=m"}},
		{set: "LETHE_LLM_URL=http://x/v1?key=hunter2", more: []string{"LETHE_LLM_MODEL=m"}, says: "something after the path"},
		{set: "LETHE_LLM_MODEL=m", says: "has no effect without a server; set LETHE_LLM_URL"},
		{set: "LETHE_LLM_API_KEY=hunter2 2", more: []string{"LETHE_LLM_MODEL=m", "LETHE_LLM_URL=http://x/v1"}, says: "contains a space"},
		{set: "LETHE_EMBEDDINGS_API_KEY=hunter2\n2", more: openai, says: "contains a space"},

		{set: "LETHE_CORS_ORIGINS=moz-extension://0e3b,chrome-extension://abc"},
		{set: "LETHE_CORS_ORIGINS=http://[::1]:3000"},
		{set: "LETHE_CORS_ORIGINS=*", says: "have to be named one by one"},
		{set: "LETHE_CORS_ORIGINS=https://*.example.com", says: "have to be named one by one"},
		{set: "LETHE_CORS_ORIGINS=example.com", says: `"example.com" is not an origin`},
		{set: "LETHE_CORS_ORIGINS=null", says: "is not an origin"},
		{set: "LETHE_CORS_ORIGINS=https://example.com/", says: "something after the host"},
		{set: "LETHE_CORS_ORIGINS=https://example.com#", says: "something after the host"},
		{set: "LETHE_CORS_ORIGINS=https://u@example.com", says: "a user before it"},
		{set: "LETHE_CORS_ORIGINS=app://obsidian.md,tauri://localhost,capacitor://localhost,app://-"},
		{set: "LETHE_CORS_ORIGINS=app://", says: "is not an origin"},
		{set: "LETHE_CORS_ORIGINS=javascript:alert(1)", says: "is not an origin"},
		{set: "LETHE_CORS_ORIGINS=app://obsidian.md/index.html", says: "something after the host"},
		{set: "LETHE_CORS_ORIGINS=https://example.com:", says: "has a port"},
		{set: "LETHE_CORS_ORIGINS=https://example.com:0", says: "has a port"},
		{set: "LETHE_CORS_ORIGINS=https://exa_mple..com", says: "neither a name nor an IP"},

		{set: "LETHE_ALLOWED_HOSTS=a.example,b"},
		{set: "LETHE_ALLOWED_HOSTS=https://a.example", says: "without scheme, port and path"},
		{set: "LETHE_ALLOWED_HOSTS=a.example:80", says: "without scheme, port and path"},
		{set: "LETHE_ALLOWED_HOSTS=*", says: "without scheme, port and path"},

		{set: "LETHE_RATE_LIMIT=0"},
		{set: "LETHE_RATE_LIMIT=-1", says: `"-1" is out of range; use a number of requests per second`},
		{set: "LETHE_RATE_LIMIT=100001", says: "is out of range"},
		{set: "LETHE_RATE_LIMIT=NaN", says: "is out of range"},
		{set: "LETHE_RATE_LIMIT=inf", says: "is out of range"},
		{set: "LETHE_RATE_LIMIT=often", says: `"often" cannot be read`},
		{set: "LETHE_RATE_BURST=5", more: []string{"LETHE_RATE_LIMIT=1"}},
		{set: "LETHE_RATE_BURST=0", more: []string{"LETHE_RATE_LIMIT=1"}, says: "is out of range"},
		{set: "LETHE_RATE_BURST=1.5", says: "cannot be read"},
		{set: "LETHE_RATE_BURST=5", says: "has no effect without a rate limit"},

		{set: "LETHE_LOG_LEVEL=Debug"},
		{set: "LETHE_LOG_LEVEL=error"},
		{set: "LETHE_LOG_LEVEL=warning", says: "use debug, info, warn or error"},
		{set: "LETHE_LOG_LEVEL=info+2", says: "is unknown; use debug"},
		{set: "LETHE_LOG_LEVEL=error-4", says: "is unknown; use debug"},
		{set: "LETHE_TIMEZONE=Local", says: `"Local" is not the name of a time zone; use a name of the IANA time zone database, such as Europe/Berlin`},
		{set: "LETHE_SENDER_STYLE=robot", says: `"robot" is unknown; use human or user`},
		{set: "LETHE_LOG_FORMAT=xml", says: `"xml" is unknown; use text or json`},

		{set: "LETHE_MEMORY_BUDGET=64"},
		{set: "LETHE_MEMORY_BUDGET=63", says: "is out of range; use a whole number of MiB from 64 to 1048576"},
		{set: "LETHE_MEMORY_BUDGET=1GB", says: `"1GB" cannot be read`},
		{set: "LETHE_INDEX_WORKERS=1"},
		{set: "LETHE_MAX_TOKENS=0"},
		{set: "LETHE_MAX_TOKENS=-1", says: "is out of range; use a whole number from 0 (no limit) to 1000000000"},
		{set: "LETHE_MAX_TOKENS=all", says: `"all" cannot be read; use a whole number from 0 (no limit)`},
		{set: "LETHE_INDEX_WORKERS=0", says: "is out of range; use a whole number from 1 to 64"},
		{set: "LETHE_INDEX_WORKERS=65", says: "is out of range"},
		{set: "LETHE_INDEX_WORKERS=many", says: `"many" cannot be read; use a whole number from 1 to 64`},

		{set: "LETHE_SHUTDOWN_DELAY=0s"},
		{set: "LETHE_SHUTDOWN_DELAY=-1s", says: "is out of range"},
		{set: "LETHE_SHUTDOWN_TIMEOUT=100ms"},
		{set: "LETHE_SHUTDOWN_TIMEOUT=0s", says: "is out of range"},
		{set: "LETHE_SHUTDOWN_TIMEOUT=-1s", says: "is out of range"},
		{set: "LETHE_SHUTDOWN_TIMEOUT=11m", says: "is out of range"},
		{set: "LETHE_SHUTDOWN_TIMEOUT=10", says: "cannot be read; use a duration"},
	} {
		t.Run(c.set, func(t *testing.T) {
			_, err := load(append(with(c.more...), c.set), linux)
			if c.says == "" {
				require.NoError(t, err)
				return
			}
			lines := problems(t, err)
			require.Len(t, lines, 1, "one line a problem")
			name, _, _ := strings.Cut(c.set, "=")
			require.True(t, strings.HasPrefix(lines[0], "  "+name+": "), lines[0])
			require.Contains(t, lines[0], c.says)
			require.NotContains(t, lines[0], "hunter2", "secrets are not quoted")
		})
	}
}

// problems returns the lines after the first.
func problems(t *testing.T, err error) []string {
	t.Helper()
	require.True(t, fault.Is(err, fault.Invalid), "%v", err)
	lines := strings.Split(fault.Message(err), "\n")
	require.Contains(t, lines[0], "the configuration has ")
	return lines[1:]
}

func TestEveryProblemAtOnce(t *testing.T) {
	_, err := load([]string{
		"LETHE_ADDR=nowhere", "LETHE_API_KEY=short", "LETHE_EMBEDDER=openai", "LETHE_RATE_LIMIT=x", "LETHE_RATE_BURST=y",
		"LETHE_INDEX_WORKERS=many", "LETHE_LOG_LEVEL=loud", "LETHE_SHUTDOWN_TIMEOUT=soon", "LETHE_CORS_ORIGINS=*,b", "LETHE_ADR=x",
	}, linux)
	lines := problems(t, err)
	var names []string
	for _, line := range lines {
		name, _, _ := strings.Cut(strings.TrimSpace(line), ":")
		names = append(names, name)
	}
	require.ElementsMatch(t, []string{
		"LETHE_ADDR", "LETHE_DATA_DIR", "LETHE_API_KEY", "LETHE_EMBEDDINGS_URL", "LETHE_EMBEDDINGS_MODEL", "LETHE_RATE_LIMIT", "LETHE_RATE_BURST",
		"LETHE_INDEX_WORKERS", "LETHE_LOG_LEVEL", "LETHE_SHUTDOWN_TIMEOUT", "LETHE_CORS_ORIGINS", "LETHE_CORS_ORIGINS", "LETHE_ADR",
	}, names)
	require.Contains(t, fault.Message(err), "13 problems")
}

func TestOpenAINeedsAKey(t *testing.T) {
	_, err := load(with("LETHE_EMBEDDER=openai", "LETHE_EMBEDDINGS_URL=https://api.openai.com/v1", "LETHE_EMBEDDINGS_MODEL=m"), linux)
	require.Equal(t, []string{"  LETHE_EMBEDDINGS_API_KEY: is needed by api.openai.com"}, problems(t, err))
}

func TestDataDir(t *testing.T) {
	for name, c := range map[string]struct {
		os      string
		environ []string
		want    string
	}{
		"linux":                 {"linux", []string{"HOME=/home/ada"}, "/home/ada/.local/share/lethe"},
		"linux, XDG":            {"linux", []string{"HOME=/home/ada", "XDG_DATA_HOME=/data"}, "/data/lethe"},
		"linux, relative XDG":   {"linux", []string{"HOME=/home/ada", "XDG_DATA_HOME=data"}, "/home/ada/.local/share/lethe"},
		"freebsd":               {"freebsd", []string{"HOME=/home/ada"}, "/home/ada/.local/share/lethe"},
		"macOS":                 {"darwin", []string{"HOME=/Users/ada", "XDG_DATA_HOME=/data"}, "/Users/ada/Library/Application Support/lethe"},
		"Windows":               {"windows", []string{`LOCALAPPDATA=C:\Users\ada\AppData\Local`}, `C:\Users\ada\AppData\Local\lethe`},
		"Windows, final slash":  {"windows", []string{`LocalAppData=D:\`}, `D:\lethe`},
		"given":                 {"linux", []string{"LETHE_DATA_DIR=/x"}, "/x"},
		"not needed, not known": {"linux", []string{"LETHE_DATABASE_URL=postgres://db/x"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := load(c.environ, machine{os: c.os, cpus: 1})
			require.NoError(t, err)
			require.Equal(t, c.want, got.DataDir)
		})
	}
	for os, name := range map[string]string{"linux": "HOME", "darwin": "HOME", "windows": "LocalAppData"} {
		_, err := load(nil, machine{os: os, cpus: 1})
		require.Contains(t, problems(t, err)[0], name)
	}
}

func TestRuntimeDir(t *testing.T) {
	for name, c := range map[string]struct {
		os      string
		environ []string
		want    string
	}{
		"linux":               {"linux", []string{"HOME=/home/ada"}, "/home/ada/.local/state/lethe/run"},
		"linux, XDG":          {"linux", []string{"HOME=/home/ada", "XDG_RUNTIME_DIR=/run/user/1000", "XDG_STATE_HOME=/s"}, "/run/user/1000/lethe"},
		"linux, state":        {"linux", []string{"HOME=/home/ada", "XDG_STATE_HOME=/s", "XDG_RUNTIME_DIR=run"}, "/s/lethe/run"},
		"macOS":               {"darwin", []string{"HOME=/Users/ada", "XDG_RUNTIME_DIR=/x"}, "/Users/ada/Library/Caches/lethe/run"},
		"Windows":             {"windows", []string{`LOCALAPPDATA=C:\Users\ada\AppData\Local`}, `C:\Users\ada\AppData\Local\Temp\lethe`},
		"given":               {"linux", []string{"HOME=/home/ada", "LETHE_RUNTIME_DIR=/x"}, "/x"},
		"not known, no fault": {"linux", []string{"LETHE_DATA_DIR=/x"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := load(append(c.environ, "LETHE_DATABASE_URL=postgres://db/x"), machine{os: c.os, cpus: 1})
			require.NoError(t, err)
			require.Equal(t, c.want, got.RuntimeDir)
			require.NotEqual(t, got.DataDir, got.RuntimeDir)
		})
	}
}

func TestTheDelayOfAStopFollowsTheAddress(t *testing.T) {
	for environ, want := range map[string]time.Duration{"LETHE_ADDR=127.0.0.1:1": 0, "LETHE_ADDR=:1": 3 * time.Second} {
		got, err := load(with(environ), linux)
		require.NoError(t, err)
		require.Equal(t, want, got.ShutdownDelay)
	}
}

func TestLoopbackAndTheRateThatFollows(t *testing.T) {
	for addr, c := range map[string]struct {
		loopback bool
		rate     float64
		burst    int
	}{
		"127.0.0.1:1": {true, 0, 0}, "127.9.9.9:1": {true, 0, 0}, "[::1]:1": {true, 0, 0}, "localhost:1": {true, 0, 0}, "LOCALHOST:1": {true, 0, 0},
		":1": {false, 20, 40}, "0.0.0.0:1": {false, 20, 40}, "[::]:1": {false, 20, 40}, "192.168.1.2:1": {false, 20, 40}, "lethe.local:1": {false, 20, 40},
	} {
		got, err := load(with("LETHE_ADDR="+addr), linux)
		require.NoError(t, err)
		require.Equal(t, c.loopback, got.Loopback(), addr)
		require.Equal(t, c.rate, got.RatePerSecond, addr)
		require.Equal(t, c.burst, got.RateBurst, addr)
	}
	require.False(t, Config{}.Loopback())

	got, err := load(with("LETHE_ADDR=:1", "LETHE_RATE_LIMIT=0"), linux)
	require.NoError(t, err)
	require.Zero(t, got.RatePerSecond, "off is off on any address")
	got, err = load(with("LETHE_RATE_LIMIT=0.1"), linux)
	require.NoError(t, err)
	require.Equal(t, 1, got.RateBurst, "less than one request at once is none at all")
}

func TestWorkersFollowTheMachine(t *testing.T) {
	for cpus, want := range map[int]int{0: 1, 1: 1, 6: 6, 64: 64, 128: 64} {
		got, err := load(with(), machine{os: "linux", cpus: cpus})
		require.NoError(t, err)
		require.Equal(t, want, got.Workers)
	}
}

func TestUnknownNames(t *testing.T) {
	for set, says := range map[string]string{
		"LETHE_DATABASE_ULR=x":         "did you mean LETHE_DATABASE_URL?",
		"LETHE_ADRR=:1":                "did you mean LETHE_ADDR?",
		"LETHE_EMBEDDING_URL=x":        "did you mean LETHE_EMBEDDINGS_URL?",
		"LETHE_CORS_ORIGIN=x":          "did you mean LETHE_CORS_ORIGINS?",
		"LETHE_LOGLEVEL=x":             "did you mean LETHE_LOG_LEVEL?",
		"LETHE_WORLD_PEACE=x":          "remove it",
		"LETHE_=x":                     "remove it",
		"LETHE_PORT=8080":              "there is no such setting",
		"LETHE_TEST_DATABASE_URL=x":    "",
		"LETHE_TEST_ANYTHING=x":        "",
		"lethe_addr=x":                 "", // not ours: names are told apart by case
		"LETHEAN=x":                    "",
		"LETHE_SERVICE_HOST=10.0.0.1":  "",
		"LETHE_SERVICE_PORT_HTTP=8787": "",
		"LETHE_DB_SERVICE_PORT=5432":   "",
		"LETHE_PORT=tcp://10.0.0.1:80": "",
		"LETHE_PORT_8787_TCP_ADDR=10":  "",
		"LETHE_DB_PORT_5432_TCP=tcp:":  "",
	} {
		t.Run(set, func(t *testing.T) {
			_, err := load(with(set), linux)
			if says == "" {
				require.NoError(t, err)
				return
			}
			lines := problems(t, err)
			require.Len(t, lines, 1)
			name, _, _ := strings.Cut(set, "=")
			require.Contains(t, lines[0], "  "+name+": there is no such setting")
			require.Contains(t, lines[0], says)
		})
	}
}

// What uses a model says which one, or which variable would give it one.
func TestModels(t *testing.T) {
	c, err := load(with(), linux)
	require.NoError(t, err)
	require.Equal(t, "[embedder=builtin reranker=off (LETHE_RERANK_URL) recall=quotes (LETHE_LLM_URL)]", fmt.Sprint(c.Models()))
	c, err = load(with(
		"LETHE_EMBEDDER=openai", "LETHE_EMBEDDINGS_URL=http://x/v1", "LETHE_EMBEDDINGS_MODEL=e",
		"LETHE_RERANK_URL=http://judge:8080/v1", "LETHE_RERANK_MODEL=bge", "LETHE_LLM_URL=https://api.example.com/v1", "LETHE_LLM_MODEL=qwen",
	), linux)
	require.NoError(t, err)
	require.Equal(t, "[embedder=e at x reranker=bge at judge:8080 recall=written by qwen at api.example.com]", fmt.Sprint(c.Models()))
}

// A server without a model is a mistake, told once and in its own words.
func TestServersNeedAModel(t *testing.T) {
	_, err := load(with("LETHE_RERANK_URL=http://x", "LETHE_LLM_URL=https://api.openai.com/v1"), linux)
	require.Equal(t, []string{
		"  LETHE_RERANK_MODEL: is needed by LETHE_RERANK_URL; use the server's name of a model",
		"  LETHE_LLM_MODEL: is needed by LETHE_LLM_URL; use the server's name of a model",
		"  LETHE_LLM_API_KEY: is needed by api.openai.com",
	}, problems(t, err))
}

// TestSecretsStaySecret prints a configuration in every way that Go offers.
func TestSecretsStaySecret(t *testing.T) {
	c, err := load(with(
		"LETHE_DATABASE_URL=postgres://ada:hunter2@db:5432/lethe?sslpassword=hunter2&sslmode=require", "LETHE_API_KEY=hunter2hunter2hunter2",
		"LETHE_EMBEDDER=openai", "LETHE_EMBEDDINGS_URL=http://x/v1", "LETHE_EMBEDDINGS_MODEL=m", "LETHE_EMBEDDINGS_API_KEY=hunter2",
		"LETHE_RERANK_URL=http://x/v1", "LETHE_RERANK_MODEL=m", "LETHE_RERANK_API_KEY=hunter2",
		"LETHE_LLM_URL=http://x/v1", "LETHE_LLM_MODEL=m", "LETHE_LLM_API_KEY=hunter2",
	), linux)
	require.NoError(t, err)
	require.Equal(t, "hunter2hunter2hunter2", c.APIKey.Reveal())

	var logged bytes.Buffer
	for _, handler := range []slog.Handler{slog.NewTextHandler(&logged, nil), slog.NewJSONHandler(&logged, nil)} {
		log := slog.New(handler)
		log.Info("x", "config", c, "pointer", &c, "key", c.APIKey)
	}
	encoded, err := json.Marshal(c)
	require.NoError(t, err)
	for _, printed := range []string{
		c.String(), fmt.Sprint(c), fmt.Sprint(c.Models()), fmt.Sprintf("%+v %#v %v %s", c, c, &c, c), fmt.Sprintf("%v %#v %s %q %x", c.APIKey, c.APIKey, c.APIKey, c.APIKey, c.APIKey),
		logged.String(), string(encoded), fmt.Sprintf("%+v", struct{ K Secret }{c.APIKey}),
	} {
		require.NotContains(t, printed, "hunter2")
		require.NotContains(t, printed, fmt.Sprintf("%x", "hunter2"))
	}
	require.Contains(t, c.String(), "LETHE_DATABASE_URL=postgres://ada:***@db:5432/lethe?sslmode=require&sslpassword=***\n")
	require.Contains(t, c.String(), "LETHE_API_KEY=[set]\n")
	require.Contains(t, Config{}.String(), "LETHE_API_KEY=\n")
}

func TestMaskURL(t *testing.T) {
	for in, want := range map[Secret]string{
		"":                                       "",
		"postgres://db/x":                        "postgres://db/x",
		"postgres://ada@db/x":                    "postgres://ada@db/x",
		"postgres://ada:p%40@db/x":               "postgres://ada:***@db/x",
		"postgres://db/x?password=p&sslmode=off": "postgres://db/x?password=***&sslmode=off",
		"postgres:///x?host=/run&PassFile=/p":    "postgres:///x?PassFile=***&host=%2Frun",
		"%zz":                                    masked,
		"mailto:a@b:c":                           masked,
	} {
		require.Equal(t, want, maskURL(in))
	}
}

// TestTheTableIsWhole: every field has its variable in the table, at the same place, and
// there is no other.
func TestTheTableIsWhole(t *testing.T) {
	fields := reflect.TypeFor[Config]()
	require.Len(t, Variables(), fields.NumField())
	for i := range fields.NumField() {
		field, v := fields.Field(i), Variables()[i]
		require.Equal(t, field.Tag.Get("env"), v.Name)
		require.Empty(t, field.Tag.Get("envDefault"), "the default belongs to the table")
		require.Equal(t, field.Type == reflect.TypeFor[Secret](), v.Secret, v.Name)
		require.Equal(t, strings.HasSuffix(v.Name, "_URL") && v.Name != "LETHE_PUBLIC_URL" || v.Name == "LETHE_LEDGER", v.Address, v.Name)
		require.NotEmpty(t, v.Accepts(), v.Name)
		require.False(t, v.Default != "" && v.Derived != "", v.Name)
		require.True(t, strings.HasSuffix(v.Meaning, "."), v.Name)
	}
}

// Load reads this process's machine and no more than it is given.
func TestLoadReadsOnlyWhatItIsGiven(t *testing.T) {
	t.Setenv("LETHE_ADDR", ":1")
	t.Setenv("LETHE_NONSENSE", "x")
	got, err := Load([]string{"LETHE_DATA_DIR=/x"})
	require.NoError(t, err)
	require.Equal(t, "127.0.0.1:8787", got.Addr)
}

func FuzzLoad(f *testing.F) {
	for _, v := range Variables() {
		f.Add(v.Name, "hunter2://x:y@[z")
	}
	f.Add("LETHE_CORS_ORIGINS", "https://a:1,b")
	f.Add("HOME", "")
	f.Fuzz(func(t *testing.T, name, value string) {
		c, err := load([]string{"HOME=/h", name + "=" + value}, linux)
		if err != nil {
			require.NotEmpty(t, problems(t, err))
			return
		}
		again, err := load(revealed(c), linux)
		require.NoError(t, err, "what was taken is taken again")
		require.Equal(t, c, again)
	})
}

// revealed is String with the secrets, and without the burst that needs a limit.
func revealed(c Config) []string {
	lines := []string{"HOME=/h"}
	for _, s := range c.shown() {
		value := s.Value.String()
		switch s.Key {
		case "LETHE_DATABASE_URL":
			value = c.DatabaseURL.Reveal()
		case "LETHE_API_KEY":
			value = c.APIKey.Reveal()
		case "LETHE_EMBEDDINGS_API_KEY":
			value = c.EmbeddingsAPIKey.Reveal()
		case "LETHE_EMBEDDINGS_URL":
			value = c.EmbeddingsURL
		case "LETHE_RERANK_API_KEY":
			value = c.RerankAPIKey.Reveal()
		case "LETHE_RERANK_URL":
			value = c.RerankURL
		case "LETHE_LLM_API_KEY":
			value = c.LLMAPIKey.Reveal()
		case "LETHE_LLM_URL":
			value = c.LLMURL
		case "LETHE_RATE_BURST":
			if c.RatePerSecond == 0 {
				continue
			}
		}
		lines = append(lines, s.Key+"="+value)
	}
	return lines
}
