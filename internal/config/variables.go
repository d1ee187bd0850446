package config

// Variable describes one setting for people.
type Variable struct {
	Name    string
	Default string // as a sentence may show it; empty for "not set"
	Accepts string // completes "use ..."
	Meaning string
	Secret  bool
}

// Variables returns every variable that Lethe reads, in the order in which they
// are best explained.
func Variables() []Variable {
	return []Variable{
		{
			Name: "LETHE_ADDR", Default: "127.0.0.1:8787",
			Accepts: "host:port, such as 127.0.0.1:8787, or :8787 for every interface",
			Meaning: "The address to listen on. On a loopback address only this machine can reach the service.",
		},
		{
			Name:    "LETHE_METRICS_ADDR",
			Accepts: "host:port other than LETHE_ADDR, such as 127.0.0.1:9090, or :9090 for every interface",
			Meaning: "An address at which /metrics is served with every figure, and nothing else. Without it /metrics is beside the API, where everybody who reaches the API can read it, and leaves out what would tell one tenant the size of another's answers: sizes of bodies, and the memory and network of the process.",
		},
		{
			Name: "LETHE_DATABASE_URL", Secret: true,
			Accepts: "postgres://user:password@host:5432/database",
			Meaning: "A PostgreSQL with pgvector. When it is not set, everything is kept in one SQLite file, lethe.db, in the data directory.",
		},
		{
			Name: "LETHE_DATA_DIR", Default: "lethe in the user's data directory",
			Accepts: "the path of a directory; it is created when it is missing",
			Meaning: "Where the SQLite file lies. The user's data directory is $XDG_DATA_HOME or ~/.local/share on Linux, ~/Library/Application Support on macOS, %LocalAppData% on Windows.",
		},
		{
			Name: "LETHE_API_KEY", Secret: true,
			Accepts: "16 to 512 printable ASCII characters without spaces",
			Meaning: "A key that is accepted for the workspace \"default\" with the scopes read and write. Without it, the first start makes a key and prints it once.",
		},
		{
			Name:    "LETHE_API_KEY_FILE",
			Accepts: "the path of a file whose one line is a key",
			Meaning: "The same key in a file, such as a secret of Docker or systemd. The command line reads its key there too.",
		},
		{
			Name: "LETHE_RUNTIME_DIR", Default: "lethe in the user's runtime directory",
			Accepts: "the path of a directory that no one else may write; it is created when it is missing",
			Meaning: "Where a running service says how the same user's command line reaches it: a file with its address and a token that is valid from this machine while the service runs. The default is $XDG_RUNTIME_DIR/lethe, or lethe/run in $XDG_STATE_HOME or ~/.local/state, on Linux; ~/Library/Caches/lethe/run on macOS; %LocalAppData%\\Temp\\lethe on Windows.",
		},
		{
			Name:    "LETHE_PUBLIC_URL",
			Accepts: "an http or https address without a path, such as http://127.0.0.1:8787",
			Meaning: "The address under which people reach the service, when it is not LETHE_ADDR, as in a container. It is shown when the service starts.",
		},
		{
			Name: "LETHE_COMMAND", Default: "lethe",
			Accepts: "a command, such as docker compose exec lethe lethe",
			Meaning: "How people run the lethe command. It is shown when the service starts.",
		},
		{
			Name: "LETHE_EMBEDDER", Default: "builtin",
			Accepts: "builtin, openai or none",
			Meaning: "How text becomes vectors. builtin is a small model of English inside the program, which needs nothing; what it cannot read is found by keywords. openai asks any server with OpenAI's embeddings API, for other languages and larger models. none leaves search to keywords, and keeps what was embedded before for another day. After a change everything is embedded again in the background (docs/adr/0015), and /stats says how far that is.",
		},
		{
			Name:    "LETHE_EMBEDDINGS_URL",
			Accepts: "an http or https address without user or password, such as http://localhost:11434/v1",
			Meaning: "The embeddings server, up to and including /v1. Needed by LETHE_EMBEDDER=openai, and read by it alone.",
		},
		{
			Name:    "LETHE_EMBEDDINGS_MODEL",
			Accepts: "the server's name of a model, at most 180 bytes",
			Meaning: "The model to ask for. Needed by LETHE_EMBEDDER=openai. Another model means that everything is embedded again, in the background.",
		},
		{
			Name: "LETHE_EMBEDDINGS_API_KEY", Secret: true,
			Accepts: "the server's key",
			Meaning: "The key for the embeddings server. Needed when that is api.openai.com; servers on one's own machine mostly want none.",
		},
		{
			Name:    "LETHE_RERANK_URL",
			Accepts: "an http or https address without user or password, such as http://localhost:8080/v1",
			Meaning: "A server with a /rerank route (llama.cpp, vLLM, text-embeddings-inference, Jina, Cohere), up to what comes before /rerank. When it is set, the 50 best passages of every search and recall are sent to it with the query, and come back in its order. When it fails or takes more than 3 seconds, the first order stands.",
		},
		{
			Name:    "LETHE_RERANK_MODEL",
			Accepts: "the server's name of a model, at most 180 bytes",
			Meaning: "The model to ask for. Needed by LETHE_RERANK_URL.",
		},
		{
			Name: "LETHE_RERANK_API_KEY", Secret: true,
			Accepts: "the server's key",
			Meaning: "The key for the rerank server, where that wants one.",
		},
		{
			Name:    "LETHE_LLM_URL",
			Accepts: "an http or https address without user or password, such as http://localhost:11434/v1",
			Meaning: "A server with OpenAI's chat API, up to and including /v1. When it is set, the passages of a recall are sent to it with the query, and it writes the digest. When it fails, takes more than 12 seconds or cites nothing, the passages are quoted.",
		},
		{
			Name:    "LETHE_LLM_MODEL",
			Accepts: "the server's name of a model, at most 180 bytes",
			Meaning: "The model to ask for. Needed by LETHE_LLM_URL.",
		},
		{
			Name: "LETHE_LLM_API_KEY", Secret: true,
			Accepts: "the server's key",
			Meaning: "The key for the language model's server. Needed when that is api.openai.com.",
		},
		{
			Name:    "LETHE_CORS_ORIGINS",
			Accepts: "origins separated by commas, each scheme://host or scheme://host:port, such as https://chat.example.com or app://obsidian.md",
			Meaning: "Web pages and apps, beyond browser extensions and Lethe's own pages, whose scripts may call the API. Apps have schemes of their own, such as app://obsidian.md, tauri://localhost or capacitor://localhost. A public https page that calls a service on the user's machine or network also needs the browser's own permission for that, which the browser asks the user for. Extensions need no entry when they call from their service worker or popup; a script that an extension puts into a page has the origin of that page.",
		},
		{
			Name:    "LETHE_ALLOWED_HOSTS",
			Accepts: "host names or IP addresses separated by commas, without scheme and port, such as lethe.example.com",
			Meaning: "Names under which the service may be called, beside this machine's own (localhost, 127.0.0.1, ::1). Other Host headers are refused with 421, which protects against DNS rebinding; /healthz and /readyz are answered under any.",
		},
		{
			Name: "LETHE_RATE_LIMIT", Default: "0 on a loopback address, else 20",
			Accepts: "a number of requests per second, from 0 (no limit) to 100000",
			Meaning: "How many requests per second each key may make in the long run.",
		},
		{
			Name: "LETHE_RATE_BURST", Default: "twice the rate limit",
			Accepts: "a whole number from 1 to 1000000",
			Meaning: "How many requests a key may make at once before the rate limit holds it back.",
		},
		{
			Name: "LETHE_LOG_LEVEL", Default: "info",
			Accepts: "debug, info, warn or error",
			Meaning: "The least important messages that are logged. Logs never hold message text or keys.",
		},
		{
			Name: "LETHE_LOG_FORMAT", Default: "text",
			Accepts: "text or json",
			Meaning: "How a line of the log looks.",
		},
		{
			Name: "LETHE_INDEX_WORKERS", Default: "the number of CPUs",
			Accepts: "a whole number from 1 to 64",
			Meaning: "How many conversations are indexed at the same time.",
		},
		{
			Name: "LETHE_MAX_TOKENS", Default: "0",
			Accepts: "a whole number from 0 (no limit) to 1000000000",
			Meaning: "How many tokens of a conversation are indexed. Of one that is longer the message that goes beyond, and what follows it, is left out; its index state says so. What was indexed before the limit was set stays.",
		},
		{
			Name: "LETHE_MEMORY_BUDGET", Default: "192",
			Accepts: "a whole number of MiB from 64 to 1048576",
			Meaning: "How much memory large request bodies and answers may take together, each counted by what it costs, which is several times its length. One upload of 50 MB takes most of 192. What would exceed it waits up to 10 seconds and is then answered with 503 and Retry-After. It does not limit indexing, caches or the database; allow the process about 320 MiB more.",
		},
		{
			Name: "LETHE_SHUTDOWN_DELAY", Default: "0s on a loopback address, else 3s",
			Accepts: "a duration from 0 to 10m, such as 5s",
			Meaning: "How long a service that stops still takes requests while /readyz already says no, so that load balancers notice. A second signal ends the wait.",
		},
		{
			Name: "LETHE_SHUTDOWN_TIMEOUT", Default: "10s",
			Accepts: "a duration over 0 and up to 10m, such as 10s or 1m30s",
			Meaning: "How long a stop waits for running requests and indexing before it cuts them off.",
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
