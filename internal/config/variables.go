package config

import (
	"fmt"
	"time"
)

const (
	minKeyLength    = 16
	maxKeyLength    = 512
	maxModelName    = 180 // bytes, as modelhttp.MaxModelName
	maxRate         = 100_000
	maxBurst        = 1_000_000
	maxWorkers      = 64
	mostTokens      = 1_000_000_000
	minMemoryBudget = 64 // MiB
	maxMemoryBudget = 1 << 20
	maxShutdown     = 10 * time.Minute
	maxRetention    = 20 * 365 * 24 * time.Hour
)

// Variable describes one setting: for people, and for the code that reads, checks and
// shows it.
type Variable struct {
	Name    string
	Default string // the value when the variable is not set; empty for none
	Derived string // the default in words, when the machine or other settings decide it
	Meaning string
	Secret  bool // never shown
	Address bool // shown without its password

	form form
}

// Accepts says which values are accepted. It completes the sentence "use ...".
func (v Variable) Accepts() string { return v.form.accepts }

// Standard is the default in words; empty when there is none.
func (v Variable) Standard() string { return v.Default + v.Derived }

// Variables returns every variable that Lethe reads, in the order of the documentation.
func Variables() []Variable {
	return []Variable{
		{
			Name: "LETHE_ADDR", Default: "127.0.0.1:8787",
			form:    free("host:port, such as 127.0.0.1:8787, or :8787 for every interface"),
			Meaning: "The address to listen on. On a loopback address only this machine can reach the service.",
		},
		{
			Name:    "LETHE_METRICS_ADDR",
			form:    free("host:port other than LETHE_ADDR, such as 127.0.0.1:9090, or :9090 for every interface"),
			Meaning: "A separate address for /metrics, with all metrics. Without it, /metrics is served beside the API, and everybody who can reach the API can read it. It then leaves out what would reveal the size of other tenants' answers: sizes of bodies, and the memory and network of the process.",
		},
		{
			Name: "LETHE_DATABASE_URL", Secret: true, Address: true,
			form:    free("postgres://user:password@host:5432/database"),
			Meaning: "A PostgreSQL database with pgvector. Without it, everything is stored in one SQLite file, lethe.db, in the data directory.",
		},
		{
			Name: "LETHE_DATA_DIR", Derived: "lethe in the user's data directory",
			form:    free("the path of a directory, which is created if it does not exist"),
			Meaning: "The directory of the SQLite file. The user's data directory is $XDG_DATA_HOME or ~/.local/share on Linux, ~/Library/Application Support on macOS, %LocalAppData% on Windows.",
		},
		{
			Name: "LETHE_IMPORT_DIR", Derived: "imports in the data directory",
			form:    free("the path of a directory, which is created if it does not exist"),
			Meaning: "The directory for files while they are imported. A file there has no name and is gone at the end of its import. It needs as much room as the largest file that is sent.",
		},
		{
			Name: "LETHE_LEDGER", Secret: true, Address: true,
			form:    free("the path of a file outside of LETHE_DATA_DIR, or postgres://user:password@host:5432/database of another database than LETHE_DATABASE_URL"),
			Meaning: "The ledger of deletes. It makes a restored backup forget what was deleted after it was taken (docs/erasure.md). Each delete appends keyed hashes to it, before it is answered. It must not be a part of the backups of the database. A file is for one instance; several instances need a database.",
		},
		{
			Name: "LETHE_LEDGER_RETENTION", Default: "0s",
			form:    duration(true, maxRetention, "2160h (90 days); 0 keeps records for ever"),
			Meaning: "How long the ledger keeps a record. It must be at least as long as the oldest backup is kept.",
		},
		{
			Name: "LETHE_API_KEY", Secret: true,
			form:    free(fmt.Sprintf("%d to %d printable ASCII characters without spaces", minKeyLength, maxKeyLength)),
			Meaning: "A key for the workspace \"default\" with the scopes read and write. Without it, the first start creates a key and prints it once.",
		},
		{
			Name:    "LETHE_API_KEY_FILE",
			form:    free("the path of a file with the key in its only line"),
			Meaning: "A file that contains this key, such as a secret of Docker or systemd. The command line reads its key from it too.",
		},
		{
			Name: "LETHE_RUNTIME_DIR", Derived: "lethe in the user's runtime directory",
			form:    free("the path of a directory that only this user can write to, which is created if it does not exist"),
			Meaning: "The directory in which a running service writes a file for the same user's command line, with its address and a token that is valid on this machine while the service runs. The default is $XDG_RUNTIME_DIR/lethe, or lethe/run in $XDG_STATE_HOME or ~/.local/state, on Linux; ~/Library/Caches/lethe/run on macOS; %LocalAppData%\\Temp\\lethe on Windows.",
		},
		{
			Name:    "LETHE_PUBLIC_URL",
			form:    free("an http or https address without a path, such as http://127.0.0.1:8787"),
			Meaning: "The address at which people reach the service, if it is not LETHE_ADDR, as in a container. The service prints it when it starts.",
		},
		{
			Name: "LETHE_COMMAND", Default: "lethe",
			form:    free("a command, such as docker compose exec lethe lethe"),
			Meaning: "The command that people use to run lethe. The service prints it when it starts.",
		},
		{
			Name: "LETHE_EMBEDDER", Default: "builtin",
			form:    choice(string(EmbedderBuiltin), string(EmbedderOpenAI), string(EmbedderNone)).besides(string(EmbedderHash)),
			Meaning: "What computes the vectors for search by meaning. builtin is a small English model in the program; texts that it cannot read are found by their words. openai is any server with OpenAI's embeddings API, for other languages and larger models. none computes no vectors and keeps stored ones. After a change everything is embedded again in the background (docs/adr/0015), and /stats shows the progress.",
		},
		{
			Name: "LETHE_EMBEDDINGS_URL", Address: true,
			form:    free("an http or https address without user or password, such as http://localhost:11434/v1"),
			Meaning: "The address of the embeddings server, up to and including /v1. Required by LETHE_EMBEDDER=openai; otherwise ignored.",
		},
		{
			Name:    "LETHE_EMBEDDINGS_MODEL",
			form:    modelName(),
			Meaning: "The embedding model. Required by LETHE_EMBEDDER=openai. After a change everything is embedded again in the background.",
		},
		{
			Name: "LETHE_EMBEDDINGS_API_KEY", Secret: true,
			form:    free("the server's key"),
			Meaning: "The key for the embeddings server. Required for api.openai.com; local servers mostly need none.",
		},
		{
			Name: "LETHE_RERANK_URL", Address: true,
			form:    free("an http or https address without user or password, such as http://localhost:8080/v1"),
			Meaning: "The address of a server with a /rerank route (llama.cpp, vLLM, text-embeddings-inference, Jina, Cohere), up to before /rerank. If it is set, the 50 best passages of every search and recall are sent to it with the query, and it decides their order. If it fails or takes more than 3 seconds, the search's own order is used.",
		},
		{
			Name:    "LETHE_RERANK_MODEL",
			form:    modelName(),
			Meaning: "The reranker's model. Required by LETHE_RERANK_URL.",
		},
		{
			Name: "LETHE_RERANK_API_KEY", Secret: true,
			form:    free("the server's key"),
			Meaning: "The key for the rerank server, if it needs one.",
		},
		{
			Name: "LETHE_LLM_URL", Address: true,
			form:    free("an http or https address without user or password, such as http://localhost:11434/v1"),
			Meaning: "The address of a server with OpenAI's chat API, up to and including /v1. If it is set, the passages of a recall are sent to it with the query, and it writes the digest. If it fails, takes more than 12 seconds or cites nothing, the digest quotes the passages.",
		},
		{
			Name:    "LETHE_LLM_MODEL",
			form:    modelName(),
			Meaning: "The language model. Required by LETHE_LLM_URL.",
		},
		{
			Name: "LETHE_LLM_API_KEY", Secret: true,
			form:    free("the server's key"),
			Meaning: "The key for the language model's server. Required for api.openai.com.",
		},
		{
			Name:    "LETHE_CORS_ORIGINS",
			form:    free("origins separated by commas, each scheme://host or scheme://host:port, such as https://chat.example.com or app://obsidian.md"),
			Meaning: "Origins of web pages and apps whose scripts may call the API, besides browser extensions and Lethe's own pages. Apps have their own schemes, such as app://obsidian.md, tauri://localhost or capacitor://localhost. For a public https page that calls a service on the user's machine or network, the browser also asks the user for permission. Extensions need no entry if they call from their service worker or popup; a script that an extension adds to a page has the origin of that page.",
		},
		{
			Name: "LETHE_SENDER_STYLE", Default: "human",
			form:    choice("human", "user"),
			Meaning: "The sender of a person's messages in the answers to GET /api/chat-history/conversation and to a search, for clients that test for the word user. A key can have its own (lethe keys create --sender-style), and a request can ask for one (senderStyle).",
		},
		{
			Name:    "LETHE_TIMEZONE",
			form:    zone(),
			Meaning: "The time zone of the people who use the service. It decides which day a message is from in a digest, and which days a question names (yesterday, last May). A request can name another (timezone). Without it, days are those of UTC.",
		},
		{
			Name:    "LETHE_ALLOWED_HOSTS",
			form:    free("host names or IP addresses separated by commas, without scheme and port, such as lethe.example.com"),
			Meaning: "Host names of the service, besides localhost, 127.0.0.1 and ::1. Requests with another Host header are refused with 421, which protects against DNS rebinding. /healthz and /readyz are answered under any name.",
		},
		{
			Name: "LETHE_RATE_LIMIT", Derived: "0 on a loopback address, else 20",
			form:    number("a number of requests per second", 0, maxRate, "no limit"),
			Meaning: "The requests per second of each key, on average.",
		},
		{
			Name: "LETHE_RATE_BURST", Derived: "twice the rate limit",
			form:    number("a whole number", 1, maxBurst, ""),
			Meaning: "The requests that a key may make at once before the rate limit applies.",
		},
		{
			Name: "LETHE_LOG_LEVEL", Default: "info",
			form:    choice("debug", "info", "warn", "error").inAnyCase(),
			Meaning: "The lowest level that is logged. The log never contains message text or keys.",
		},
		{
			Name: "LETHE_LOG_FORMAT", Default: "text",
			form:    choice(LogText, LogJSON),
			Meaning: "The format of the log.",
		},
		{
			Name: "LETHE_INDEX_WORKERS", Derived: "the number of CPUs",
			form:    number("a whole number", 1, maxWorkers, ""),
			Meaning: "The number of conversations that are indexed at the same time.",
		},
		{
			Name: "LETHE_MAX_TOKENS", Default: "0",
			form:    number("a whole number", 0, mostTokens, "no limit"),
			Meaning: "The most tokens of a conversation that are indexed. Of a longer one, the message that exceeds the limit and those after it are not indexed, and its index state says so. What was indexed before the limit was set is kept.",
		},
		{
			Name: "LETHE_MEMORY_BUDGET", Default: "192",
			form:    number("a whole number of MiB", minMemoryBudget, maxMemoryBudget, ""),
			Meaning: "The memory that large request bodies and answers may use together. A request uses several times its length; an upload of 50 MB uses most of 192 MiB. A request that would exceed the budget waits up to 10 seconds and is then answered with 503 and Retry-After. The budget does not limit indexing, caches or the database; allow the process about 320 MiB more.",
		},
		{
			Name: "LETHE_SHUTDOWN_DELAY", Derived: "0s on a loopback address, else 3s",
			form:    duration(true, maxShutdown, "5s"),
			Meaning: "How long a stopping service still answers requests while /readyz reports it as not ready, so that load balancers notice. A second signal ends the wait.",
		},
		{
			Name: "LETHE_SHUTDOWN_TIMEOUT", Default: "10s",
			form:    duration(false, maxShutdown, "10s or 1m30s"),
			Meaning: "How long a stopping service waits for requests and indexing before it cuts them off.",
		},
	}
}

func variable(name string) (Variable, bool) {
	for _, v := range Variables() {
		if v.Name == name {
			return v, true
		}
	}
	return Variable{}, false
}
