package archtest

// mayImport is the layout: every package of the module, and the packages of the module
// that it may import outside its tests. It begins with packages without imports and ends
// with the commands, which wire everything up.
//
// Only search, history, the indexer, the upkeep and the wiring import the store, so every
// rule about a chat history is in one place. pkg/ never imports internal/, so other modules
// can use it.
var mayImport = map[string][]string{
	"internal/dates":    {},
	"internal/fault":    {},
	"internal/spelling": {},
	"internal/text":     {},

	"internal/breaker": {},
	"internal/chat":    {"internal/fault"},
	"internal/auth":    {"internal/fault", "internal/chat"},

	"internal/modelhttp":        {"internal/fault"},
	"internal/modelhttp/faulty": {},
	"internal/rerank":           {"internal/modelhttp"},
	"internal/llm":              {"internal/fault", "internal/modelhttp"},

	"internal/budget":              {"internal/fault"},
	"internal/jsonstream":          {},
	"internal/exports/format":      {"internal/chat"},
	"internal/exports/lines":       {"internal/exports/format"},
	"internal/exports/times":       {"internal/chat"},
	"internal/exports/loose":       {"internal/exports/times"},
	"internal/exports/elements":    {"internal/exports/format"},
	"internal/exports/hygiene":     {"internal/text"},
	"internal/exports/tree":        {},
	"internal/exports/draft":       {"internal/chat", "internal/exports/format", "internal/exports/hygiene", "internal/exports/times", "internal/exports/tree"},
	"internal/exports/session":     {"internal/chat", "internal/exports/format", "internal/exports/hygiene"},
	"internal/exports/readtest":    {"internal/chat", "internal/exports/format"},
	"internal/exports/exportstest": {"internal/exports/format", "internal/exports/readtest"},
	// Web exports and programs.
	"internal/exports/aistudio":   readerMayImport,
	"internal/exports/chatgpt":    readerMayImport,
	"internal/exports/chatwise":   readerMayImport,
	"internal/exports/claude":     readerMayImport,
	"internal/exports/copilot":    readerMayImport,
	"internal/exports/deepseek":   readerMayImport,
	"internal/exports/gemini":     readerMayImport,
	"internal/exports/grok":       readerMayImport,
	"internal/exports/lechat":     readerMayImport,
	"internal/exports/librechat":  readerMayImport,
	"internal/exports/openwebui":  readerMayImport,
	"internal/exports/perplexity": readerMayImport,
	"internal/exports/typingmind": readerMayImport,
	"internal/exports/vscode":     readerMayImport,
	// Coding agents.
	"internal/exports/claudecode": readerMayImport,
	"internal/exports/codex":      readerMayImport,
	"internal/exports/geminicli":  readerMayImport,
	"internal/exports/qwencode":   readerMayImport,
	"internal/exports/aider":      readerMayImport,
	"internal/exports/cursor":     readerMayImport,
	"internal/exports/grokbuild":  readerMayImport,
	"internal/exports/kimi":       readerMayImport,
	"internal/exports/opencode":   readerMayImport,
	// Tables of any program.
	"internal/exports/tables": readerMayImport,

	"internal/exports/container": {"internal/fault", "internal/exports/format"},
	"internal/exports": { // the table of the formats
		"internal/fault", "internal/spelling", "internal/exports/format", "internal/exports/container",
		"internal/exports/aistudio", "internal/exports/chatgpt", "internal/exports/chatwise", "internal/exports/claude", "internal/exports/copilot", "internal/exports/deepseek", "internal/exports/gemini", "internal/exports/grok",
		"internal/exports/lechat", "internal/exports/librechat", "internal/exports/openwebui", "internal/exports/perplexity", "internal/exports/typingmind", "internal/exports/vscode",
		"internal/exports/aider", "internal/exports/claudecode", "internal/exports/codex", "internal/exports/cursor", "internal/exports/geminicli",
		"internal/exports/grokbuild", "internal/exports/kimi", "internal/exports/lethe", "internal/exports/opencode", "internal/exports/qwencode",
	},

	"internal/exports/lethe": {"internal/fault", "internal/chat", "internal/jsonstream", "internal/exports/format", "internal/exports/lines", "internal/exports/loose"},
	"internal/chunker":       {"internal/chat", "internal/text"},
	"internal/rank":          {"internal/chat"},
	"internal/embed":         {"internal/fault", "internal/modelhttp"},

	"internal/embed/embedtest":      {"internal/fault", "internal/embed"},
	"internal/embed/builtin/matrix": {},
	"internal/embed/builtin/pieces": {"internal/fault"},
	"internal/embed/builtin/encoder": {
		"internal/fault", "internal/embed/builtin/matrix",
	},
	"internal/embed/builtin/modelfile": {
		"internal/fault", "internal/embed/builtin/encoder", "internal/embed/builtin/pieces",
	},
	"internal/embed/builtin": {
		"internal/fault", "internal/embed", "internal/embed/builtin/matrix", "internal/embed/builtin/pieces",
		"internal/embed/builtin/encoder", "internal/embed/builtin/modelfile",
	},
	"internal/embed/builtin/quantise": { // a command, for make model
		"internal/embed/builtin/matrix", "internal/embed/builtin/pieces",
		"internal/embed/builtin/encoder", "internal/embed/builtin/modelfile",
	},

	// dialect, bitcode <- sqlite, postgres <- store: no package below the store knows it, and
	// nothing but the store imports one of them.
	"internal/store/dialect": {"internal/fault", "internal/chat", "internal/rank"},
	"internal/store/bitcode": {"internal/chat", "internal/rank"},
	"internal/store/sqlite": {
		"internal/fault", "internal/chat", "internal/rank", "internal/store/dialect", "internal/store/bitcode",
	},
	"internal/store/postgres": {"internal/fault", "internal/chat", "internal/rank", "internal/store/dialect"},
	"internal/store": {
		"internal/fault", "internal/chat", "internal/auth", "internal/rank", "internal/embed",
		"internal/store/dialect", "internal/store/sqlite", "internal/store/postgres",
	},
	"internal/store/storetest": {"internal/text", "internal/store"},

	"internal/ledger/book": {"internal/fault"},
	"internal/ledger":      {"internal/fault", "internal/chat", "internal/ledger/book", "internal/store"},

	"internal/parallel": {"internal/fault"},

	// search <- recall <- history: history adds who may ask, how often and how long.
	"internal/search": {
		"internal/fault", "internal/chat", "internal/text", "internal/dates", "internal/chunker", "internal/rank", "internal/breaker",
		"internal/embed", "internal/modelhttp", "internal/rerank", "internal/parallel", "internal/store",
	},
	"internal/recall": {
		"internal/fault", "internal/chat", "internal/text", "internal/chunker", "internal/rank", "internal/modelhttp",
		"internal/llm", "internal/parallel", "internal/search",
	},
	"internal/events": {"internal/chat"},
	"internal/history": {
		"internal/events", "internal/text",
		"internal/fault", "internal/chat", "internal/auth", "internal/breaker", "internal/embed",
		"internal/rerank", "internal/llm", "internal/store", "internal/search", "internal/recall",
	},
	"internal/history/historytest": {
		"internal/chat", "internal/text", "internal/chunker", "internal/embed", "internal/store", "internal/store/storetest",
		"internal/search", "internal/recall", "internal/history",
	},

	"internal/indexer": {
		"internal/fault", "internal/chat", "internal/text", "internal/chunker",
		"internal/breaker", "internal/embed", "internal/modelhttp", "internal/store",
	},
	"internal/imports": {
		"internal/fault", "internal/chat", "internal/exports", "internal/exports/format", "internal/exports/container", "internal/history",
	},
	"internal/upkeep":   {"internal/fault", "internal/store"},
	"internal/web":      {},
	"internal/markdown": {},
	"internal/mcp": {
		"internal/fault", "internal/chat", "internal/chunker", "internal/history", "internal/search", "internal/recall", "pkg/api",
	},
	"internal/mcp/relay": {"internal/fault"},
	"internal/server": {
		"internal/web", "internal/markdown", "internal/mcp",
		".", "internal/fault", "internal/chat", "internal/auth", "internal/exports/lethe", "internal/archive", "internal/events", "internal/history", "internal/imports", "internal/search", "internal/recall",
		"internal/budget", "internal/dates", "internal/jsonstream", "internal/server/jsonbody", "internal/server/wire", "internal/spelling", "pkg/api",
	},
	"internal/server/jsonbody": {"internal/fault", "internal/spelling"},
	"internal/server/wire":     {"pkg/api"}, // generated: the routes as an interface
	"internal/server/servertest": {
		".", "internal/auth", "internal/embed", "internal/store",
		"internal/history", "internal/indexer", "internal/server", "pkg/client",
	},

	"internal/config":       {"internal/fault", "internal/spelling", "internal/dates"},
	"internal/localservice": {"internal/fault"},
	"internal/autostart":    {"internal/fault"},
	"internal/agentsync": {
		"internal/fault", "internal/spelling", "internal/chat", "internal/exports/format", "internal/exports/lethe", "pkg/api", "pkg/client",
		"internal/exports/aider", "internal/exports/claudecode", "internal/exports/codex", "internal/exports/cursor", "internal/exports/geminicli",
		"internal/exports/grokbuild", "internal/exports/kimi", "internal/exports/opencode", "internal/exports/qwencode",
	},
	"internal/app": {
		"internal/fault", "internal/chat", "internal/auth",
		"internal/embed", "internal/embed/builtin", "internal/store",
		"internal/modelhttp", "internal/rerank", "internal/llm",
		"internal/history", "internal/imports", "internal/indexer", "internal/upkeep", "internal/server", "internal/config", "internal/localservice", "internal/budget",
		"internal/ledger", "internal/ledger/book",
	},
	"internal/app/apptest": {
		"internal/fault", "internal/auth", "internal/config", "internal/embed", "internal/store",
		"internal/store/storetest", "internal/history", "internal/server/servertest", "internal/app", "pkg/api", "pkg/client",
	},
	"internal/evaluate":  {"internal/fault", "pkg/api", "pkg/client"},
	"internal/chatfiles": {"internal/fault", "internal/chat", "internal/markdown"},
	"internal/archive": {
		"internal/fault", "internal/chat", "internal/exports/format", "internal/exports/lethe", "internal/exports/lines", "internal/history",
	},
	"internal/transfer": {
		"internal/fault", "internal/chat", "internal/exports", "internal/exports/container", "internal/exports/format", "internal/exports/lethe", "pkg/api", "pkg/client",
	},
	"cmd/lethe": {
		"internal/fault", "internal/chat", "internal/auth", "internal/exports/lethe", "internal/config", "internal/localservice",
		"internal/agentsync", "internal/autostart", "internal/mcp/relay", "internal/embed", "internal/history", "internal/store", "internal/app", "internal/ledger",
		"internal/exports", "internal/exports/container", "internal/exports/format", "internal/exports/tables", "internal/transfer", "internal/archive", "internal/chatfiles", "internal/exports/lines", "pkg/api", "pkg/client",
	},

	"cmd/lethe-eval": { // a command for developers: search measured on a dataset
		"internal/rank", "internal/fault", "internal/auth", "internal/config", "internal/evaluate",
		"internal/embed", "internal/history", "internal/store", "internal/app", "pkg/api", "pkg/client",
	},

	"pkg/api":         {},
	"pkg/client":      {"pkg/api", "pkg/client/raw"},
	"pkg/client/fini": {"pkg/api", "pkg/client", "pkg/client/raw"},
	"pkg/client/raw":  {"pkg/api"}, // generated: one method a route

	".": {}, // openapi.yaml, embedded

	"internal/archtest":    {},
	"internal/bench":       {}, // nothing but benchmarks
	"internal/deploytest":  {}, // tests of the files that Lethe is deployed with
	"internal/web/webtest": {}, // tests of the page in a browser
}

// readerMayImport is what a package that reads one format of export files may import. The
// code map has one line for all of them. Such a package is internal/exports/NAME.
var readerMayImport = []string{
	"internal/fault", "internal/chat", "internal/exports/format", "internal/exports/elements", "internal/exports/lines",
	"internal/exports/loose", "internal/exports/times", "internal/exports/hygiene", "internal/exports/tree", "internal/exports/session", "internal/exports/draft",
}

// onlyForTests are packages that nothing but a _test.go file may import.
var onlyForTests = []string{"internal/exports/readtest", "internal/exports/exportstest", "internal/modelhttp/faulty", "internal/embed/embedtest", "internal/store/storetest", "internal/history/historytest", "internal/server/servertest", "internal/app/apptest"}

// confined says where a library, and all below its path, may be imported, tests
// included.
var confined = []confinement{
	{"gorm.io", []string{"internal/store"}, "the database is the store's secret"},
	{"database/sql", []string{"internal/store", "internal/exports/opencode"}, "the database is the store's secret; OpenCode keeps its sessions in one of its own"},
	{"github.com/jackc/pgx", []string{"internal/store", "internal/ledger/book"}, "the database is the store's secret; a ledger is in another one"},
	{"github.com/ncruces/go-sqlite3", []string{"internal/store", "internal/exports/opencode"}, "the database is the store's secret; OpenCode keeps its sessions in one of its own"},
	{"github.com/pgvector", []string{"internal/store"}, "the database is the store's secret"},
	{"github.com/pressly/goose", []string{"internal/store"}, "migrations belong to the store"},
	{"internal/store/dialect", []string{"internal/store"}, "the store is what others import"},
	{"internal/store/bitcode", []string{"internal/store"}, "the store is what others import"},
	{"internal/store/sqlite", []string{"internal/store"}, "the store is what others import"},
	{"internal/store/postgres", []string{"internal/store"}, "the store is what others import"},
	{"github.com/labstack", []string{"internal/server"}, "Echo is the server's secret"},
	{"github.com/compose-spec/compose-go", []string{"internal/deploytest"}, "the compose file is checked in one way"},
	{"github.com/getkin/kin-openapi", []string{"internal/server"}, "the contract is checked in one way"},
	{"github.com/oapi-codegen/runtime/strictmiddleware", []string{"internal/server"}, "Echo is the server's secret"},
	{"github.com/evanw/esbuild", []string{"internal/web"}, "only the modules of the page are parsed, by a test"},
	{"github.com/chromedp", []string{"internal/web/webtest"}, "only the tests of the page use a browser"},
	{"github.com/yuin/goldmark", []string{"internal/markdown"}, "Markdown becomes HTML in one place"},
	{"github.com/microcosm-cc/bluemonday", []string{"internal/markdown"}, "Markdown becomes HTML in one place"},
	{"github.com/spf13", []string{"cmd/lethe"}, "only the command parses a command line"},
	{"github.com/caarlos0/env", []string{"internal/config"}, "the environment is read in one place"},
	{"github.com/tiktoken-go", []string{"internal/text"}, "tokens are counted in one way"},
	{"golang.org/x/sys", []string{"internal/embed/builtin/matrix", "internal/localservice", "internal/imports"}, "only the files of imports ask how full the disk is, only the kernels ask which processor it is, and only the files of running services when a process was started"},
	{"github.com/gofrs/flock", []string{"internal/store/sqlite", "internal/ledger/book", "internal/agentsync"}, "only a database and a ledger that are files are locked by files, and only one sync writes its state"},
	{"github.com/go-json-experiment/json", []string{"internal/exports", "internal/archive"}, "only export files are read with it; what Lethe itself speaks is encoding/json"},
	{"github.com/klauspost/compress", []string{"internal/exports/container"}, "only archives of export files are unpacked"},
	{"github.com/modelcontextprotocol/go-sdk", []string{"internal/mcp", "internal/app", "cmd/lethe"}, "one package speaks the Model Context Protocol; the tests of the whole program are its clients"},
	{"github.com/google/jsonschema-go", []string{"internal/mcp"}, "only tools have schemas of their own"},
	{"golang.org/x/net/html", []string{"internal/exports/gemini"}, "only Google's activity log is HTML"},
	{"github.com/fsnotify/fsnotify", []string{"internal/agentsync"}, "only the folders of coding agents are watched"},
	{"golang.org/x/term", []string{"cmd/lethe"}, "only the command asks somebody at a terminal"},
	{"github.com/blevesearch/snowballstem", []string{"internal/text"}, "documents and queries share one analyzer"},
}

// confinedInProduct says the same for the code outside the tests.
var confinedInProduct = []confinement{
	{"github.com/jackc/pgx", []string{"internal/store/postgres", "internal/store/storetest", "internal/ledger/book"}, "the store speaks to both databases alike; a ledger is in another one"},
	{"github.com/pgvector", []string{"internal/store/postgres", "internal/store/storetest"}, "the store speaks to both databases alike"},
	{"github.com/ncruces/go-sqlite3", []string{"internal/store/sqlite", "internal/store/storetest", "internal/exports/opencode"}, "the store speaks to both databases alike"},
}

// pure packages only compute: they can be tested without anything else.
var pure = []string{"internal/fault", "internal/spelling", "internal/text", "internal/chat", "internal/auth", "internal/chunker", "internal/rank", "internal/store/bitcode",
	"internal/embed/builtin/matrix", "internal/embed/builtin/pieces", "internal/embed/builtin/encoder", "internal/embed/builtin/modelfile"}

// impure are the packages of the standard library with input and output.
var impure = []string{"os", "net", "net/http", "database/sql", "os/exec", "log/slog", "syscall"}

// noHTTP packages are below every transport and must not know one.
var noHTTP = []string{"internal/store", "internal/search", "internal/recall", "internal/history", "internal/indexer", "internal/config"}

// scopeDeciders may ask what a principal may do; auth says what scopes are.
var scopeDeciders = []string{"internal/auth", "internal/history"}

// domain packages are below every transport and must not use the words of one.
var domain = []string{"internal/fault", "internal/chat", "internal/auth", "internal/search", "internal/recall", "internal/history", "internal/indexer", "internal/upkeep",
	"internal/store", "internal/store/dialect", "internal/store/sqlite", "internal/store/postgres"}

// transports take requests from outside. Each gets its principal from the front door
// and names no scope.
var transports = []string{"internal/server", "internal/mcp", "internal/web"}

// environmentReaders may name os.Getenv and its like: main hands the function
// down, config reads with it, storetest is told where the tests' PostgreSQL is, and webtest
// where their browser is.
var environmentReaders = []string{"cmd/lethe", "cmd/lethe-eval", "internal/config", "internal/store/storetest", "internal/web/webtest"}

// measuring are the packages and files of tests that may read how long something
// took: benchmarks, one that aims at a moment, and one that logs the slowest call.
var measuring = []string{"internal/bench", "internal/app/kill_test.go", "internal/app/restore_kill_test.go", "internal/app/message_kill_test.go", "internal/app/import_kill_test.go", "internal/app/soak_test.go", "internal/web/webtest/measuring_test.go"}

// seeding draws the seeds that others log.
var seeding = []string{"internal/store/storetest/seed.go"}

// setByLinker are variables without a value in the source.
var setByLinker = []string{"cmd/lethe.version"}

// emptyNames are names that say nothing about what a package contains, so that it grows
// without limit.
var emptyNames = []string{
	"util", "utils", "common", "helper", "helpers", "model", "models", "type", "types",
	"manager", "managers", "misc", "shared", "base", "core", "lib",
}
