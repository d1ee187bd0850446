// Package config turns the environment into one validated value. It is the only place
// that knows the names of Lethe's variables. It opens no file and no connection.
package config

import (
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"reflect"
	"strings"
	"time"

	"github.com/lethe-chat/lethe/internal/dates"
)

// Embedder names a way to turn text into vectors.
type Embedder string

// The embedders that this version has.
const (
	EmbedderBuiltin Embedder = "builtin"
	EmbedderOpenAI  Embedder = "openai"
	EmbedderNone    Embedder = "none"
	EmbedderHash    Embedder = "hash" // for tests: fast, compares spelling only
)

// The log formats.
const (
	LogText = "text"
	LogJSON = "json"
)

// Config is everything that a deployment can set. Load returns it with valid values
// only. The fields are in the order of Variables, which says all else about them.
type Config struct {
	Addr             string        `env:"LETHE_ADDR"`
	MetricsAddr      string        `env:"LETHE_METRICS_ADDR"`     // empty: beside the API
	DatabaseURL      Secret        `env:"LETHE_DATABASE_URL"`     // empty: SQLite in DataDir
	DataDir          string        `env:"LETHE_DATA_DIR"`         // may be empty when DatabaseURL is not
	ImportDir        string        `env:"LETHE_IMPORT_DIR"`       // empty: imports in DataDir
	Ledger           Secret        `env:"LETHE_LEDGER"`           // a path or a URL; empty: no ledger
	LedgerRetention  time.Duration `env:"LETHE_LEDGER_RETENTION"` // 0: for ever
	APIKey           Secret        `env:"LETHE_API_KEY"`          // empty: the first start creates one
	APIKeyFile       string        `env:"LETHE_API_KEY_FILE"`     // a file with the key in it, in place of APIKey
	RuntimeDir       string        `env:"LETHE_RUNTIME_DIR"`      // empty: the environment does not name one
	PublicURL        string        `env:"LETHE_PUBLIC_URL"`       // no slash at the end; empty: as Addr
	Command          string        `env:"LETHE_COMMAND"`
	Embedder         Embedder      `env:"LETHE_EMBEDDER"`
	EmbeddingsURL    string        `env:"LETHE_EMBEDDINGS_URL"`
	EmbeddingsModel  string        `env:"LETHE_EMBEDDINGS_MODEL"`
	EmbeddingsAPIKey Secret        `env:"LETHE_EMBEDDINGS_API_KEY"`
	RerankURL        string        `env:"LETHE_RERANK_URL"` // empty: nothing is reranked
	RerankModel      string        `env:"LETHE_RERANK_MODEL"`
	RerankAPIKey     Secret        `env:"LETHE_RERANK_API_KEY"`
	LLMURL           string        `env:"LETHE_LLM_URL"` // empty: digests quote
	LLMModel         string        `env:"LETHE_LLM_MODEL"`
	LLMAPIKey        Secret        `env:"LETHE_LLM_API_KEY"`
	CORSOrigins      []string      `env:"LETHE_CORS_ORIGINS"` // as a browser sends them
	SenderStyle      string        `env:"LETHE_SENDER_STYLE"` // of answers to keys without a style of their own
	Timezone         string        `env:"LETHE_TIMEZONE"`
	Hosts            []string      `env:"LETHE_ALLOWED_HOSTS"` // lower case, no port, no brackets
	RatePerSecond    float64       `env:"LETHE_RATE_LIMIT"`    // requests per key; 0 for no limit
	RateBurst        int           `env:"LETHE_RATE_BURST"`    // 0 without a limit
	LogLevel         slog.Level    `env:"LETHE_LOG_LEVEL"`
	LogFormat        string        `env:"LETHE_LOG_FORMAT"`
	Workers          int           `env:"LETHE_INDEX_WORKERS"`
	MaxTokens        int           `env:"LETHE_MAX_TOKENS"`    // of a conversation that are indexed; 0 for all
	MemoryBudget     int           `env:"LETHE_MEMORY_BUDGET"` // MiB
	ShutdownDelay    time.Duration `env:"LETHE_SHUTDOWN_DELAY"`
	ShutdownTimeout  time.Duration `env:"LETHE_SHUTDOWN_TIMEOUT"`
}

// Zone returns the time zone of the people who use the service; nil when it is not set.
func (c Config) Zone() *time.Location {
	zone, _ := dates.Zone(c.Timezone)
	return zone
}

// Loopback reports whether only this machine can reach the service.
func (c Config) Loopback() bool { return isLoopback(c.Addr) }

// MetricsLoopback reports whether only this machine can reach the address of the
// figures.
func (c Config) MetricsLoopback() bool { return isLoopback(c.MetricsAddr) }

func isLoopback(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return false
	}
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}

// String lists every setting in the form of the environment, one per line, with secrets
// masked.
func (c Config) String() string {
	var b strings.Builder
	for _, s := range c.shown() {
		fmt.Fprintf(&b, "%s=%s\n", s.Key, s.Value)
	}
	return b.String()
}

// GoString is String, so that no verb of fmt shows a secret.
func (c Config) GoString() string { return c.String() }

// LogValue is what log/slog shows: the settings with their secrets masked.
func (c Config) LogValue() slog.Value { return slog.GroupValue(c.shown()...) }

// Models says which models are used for what, or which variable would set one. It
// contains no secrets.
func (c Config) Models() []slog.Attr {
	embedder, reranker, recall := string(c.Embedder), "off (LETHE_RERANK_URL)", "quotes (LETHE_LLM_URL)"
	if c.Embedder == EmbedderOpenAI {
		embedder = at(c.EmbeddingsModel, c.EmbeddingsURL)
	}
	if c.RerankURL != "" {
		reranker = at(c.RerankModel, c.RerankURL)
	}
	if c.LLMURL != "" {
		recall = "written by " + at(c.LLMModel, c.LLMURL)
	}
	return []slog.Attr{slog.String("embedder", embedder), slog.String("reranker", reranker), slog.String("recall", recall)}
}

func at(model, address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return model
	}
	return model + " at " + u.Host
}

// shown returns the settings in the order of the table.
func (c Config) shown() []slog.Attr {
	fields := reflect.ValueOf(c)
	variables := Variables()
	shown := make([]slog.Attr, len(variables))
	for i, v := range variables {
		shown[i] = slog.Attr{Key: v.Name, Value: v.show(fields.Field(i).Interface())}
	}
	return shown
}

// show returns the value of a variable as logs and people see it.
func (v Variable) show(value any) slog.Value {
	switch value := value.(type) {
	case Secret:
		if v.Address {
			return slog.StringValue(maskURL(value))
		}
		return slog.StringValue(value.String())
	case string:
		if v.Address {
			return slog.StringValue(maskURL(Secret(value)))
		}
		return slog.StringValue(value)
	case Embedder:
		return slog.StringValue(string(value))
	case []string:
		return slog.StringValue(strings.Join(value, ","))
	case slog.Level:
		return slog.StringValue(strings.ToLower(value.String()))
	default:
		return slog.AnyValue(value)
	}
}
