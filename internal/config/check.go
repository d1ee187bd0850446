package config

import (
	"net"
	"net/netip"
	"net/url"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"

	"github.com/lethe-chat/lethe/internal/fault"
)

// check reports every value and every combination that cannot work.
func (l *loader) check() {
	l.checkAddresses()
	l.checkDatabase()
	l.checkLedger()
	l.checkKey()
	l.checkPlaces()
	l.checkForms()
	if l.config.Embedder == EmbedderOpenAI {
		l.checkEmbeddingsServer()
	}
	l.checkOptionalServer("LETHE_RERANK", l.config.RerankURL, l.config.RerankModel, l.config.RerankAPIKey)
	l.checkOptionalServer("LETHE_LLM", l.config.LLMURL, l.config.LLMModel, l.config.LLMAPIKey)
	l.checkOrigins()
	l.checkHosts()
	l.checkBurst()
}

// checkForms checks every value that is set by the form that the table gives it.
func (l *loader) checkForms() {
	fields := reflect.ValueOf(l.config)
	for i, v := range Variables() {
		if v.form.wrong == nil || !l.isSet(v.Name) || l.bad[v.Name] {
			continue
		}
		if wrong := v.form.wrong(l.values[v.Name], fields.Field(i).Interface()); wrong != "" {
			l.refuse(v.Name, wrong)
		}
	}
}

func (l *loader) checkAddresses() {
	l.checkAddr("LETHE_ADDR", l.config.Addr)
	if l.config.MetricsAddr == "" {
		return
	}
	l.checkAddr("LETHE_METRICS_ADDR", l.config.MetricsAddr)
	if _, port, err := net.SplitHostPort(l.config.MetricsAddr); err == nil && port != "0" && l.config.MetricsAddr == l.config.Addr {
		l.problem("LETHE_METRICS_ADDR", "is the address of LETHE_ADDR; use another port, or leave it out to have the figures beside the API")
	}
}

func (l *loader) checkAddr(name, addr string) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		l.refuse(name, "is not an address with a port")
		return
	}
	if n, err := strconv.Atoi(port); err != nil || n < 0 || n > 65535 {
		l.refuse(name, "has a port that is not a number from 0 to 65535")
		return
	}
	if host != "" && !isHost(host) {
		l.refuse(name, "has a host that is neither a name nor an IP address")
	}
}

func (l *loader) checkDatabase() {
	c := l.config
	if c.DatabaseURL == "" && c.DataDir == "" {
		l.problem("LETHE_DATA_DIR", "is not set, and neither is %s, which would name the user's data directory; set one of them, or LETHE_DATABASE_URL", l.dataHome())
	}
	if strings.HasPrefix(c.DataDir, "~") {
		l.problem("LETHE_DATA_DIR", "%q begins with ~, which only a shell understands; use the whole path", c.DataDir)
	}
	if strings.HasPrefix(c.ImportDir, "~") {
		l.problem("LETHE_IMPORT_DIR", "%q begins with ~, which only a shell understands; use the whole path", c.ImportDir)
	}
	if strings.ContainsRune(c.ImportDir, 0) {
		l.problem("LETHE_IMPORT_DIR", "%q contains a NUL character", c.ImportDir)
	}
	if strings.ContainsRune(c.DataDir, 0) {
		l.problem("LETHE_DATA_DIR", "%q contains a NUL character", c.DataDir)
	}
	if c.DatabaseURL == "" {
		return
	}
	// The parser's error is not shown: it quotes the address with its password.
	u, err := url.Parse(c.DatabaseURL.Reveal())
	switch {
	case err != nil:
		l.refuse("LETHE_DATABASE_URL", "cannot be read as an address (are special characters in the password written as %XX?)")
	case u.Scheme != "postgres" && u.Scheme != "postgresql":
		l.refuse("LETHE_DATABASE_URL", "does not begin with postgres:// or postgresql://")
	case u.Host == "" && u.Query().Get("host") == "":
		l.refuse("LETHE_DATABASE_URL", "names no host")
	}
}

// checkLedger refuses the places that a backup of the database contains, because the ledger would
// be restored with it.
func (l *loader) checkLedger() {
	const name = "LETHE_LEDGER"
	place := l.config.Ledger.Reveal()
	switch {
	case place == "":
		if l.config.LedgerRetention > 0 {
			l.problem("LETHE_LEDGER_RETENTION", "has no effect without a ledger; set LETHE_LEDGER too, or neither")
		}
	case strings.Contains(place, "://"):
		u, err := url.Parse(place)
		switch {
		case err != nil:
			l.refuse(name, "cannot be read as an address (are special characters in the password written as %XX?)")
		case u.Scheme != "postgres" && u.Scheme != "postgresql":
			l.refuse(name, "is neither a path nor an address of PostgreSQL")
		case place == l.config.DatabaseURL.Reveal():
			l.refuse(name, "is the database itself, so a backup would contain the ledger")
		}
	case strings.HasPrefix(place, "~"):
		l.problem(name, "begins with ~, which only a shell understands; use the whole path")
	case strings.ContainsRune(place, 0):
		l.problem(name, "contains a NUL character")
	case !filepath.IsAbs(place):
		l.problem(name, "is a path that depends on the current folder; use the whole path")
	case l.config.DataDir != "" && within(l.config.DataDir, place):
		l.problem(name, "is in LETHE_DATA_DIR, so a backup of that folder would contain the ledger; use a place outside")
	}
}

// within reports whether a path is in a folder or below.
func within(folder, path string) bool {
	folder, err := filepath.Abs(folder)
	if err != nil {
		return false
	}
	below, err := filepath.Rel(folder, path)
	return err == nil && below != ".." && !strings.HasPrefix(below, ".."+string(filepath.Separator))
}

func (l *loader) checkKey() {
	if l.config.APIKey == "" {
		return
	}
	if l.config.APIKeyFile != "" {
		l.problem("LETHE_API_KEY_FILE", "names a key, and LETHE_API_KEY is one; set one of them")
	}
	if wrong := wrongKey(l.config.APIKey); wrong != "" {
		l.refuse("LETHE_API_KEY", wrong)
	}
}

// CheckKey returns an Invalid fault for a text that LETHE_API_KEY would not accept. The
// fault names the source of the text and does not quote it.
func CheckKey(key Secret, source string) error {
	if wrong := wrongKey(key); wrong != "" {
		accepts, _ := variable("LETHE_API_KEY")
		return fault.Invalidf("the key in %s %s; use %s", source, wrong, accepts.Accepts())
	}
	return nil
}

// wrongKey says what is wrong with a key; empty when it is valid.
func wrongKey(key Secret) string {
	switch text := key.Reveal(); {
	case len(text) < minKeyLength || len(text) > maxKeyLength:
		return "has the wrong length"
	case !isVisibleASCII(text):
		return "contains a space or a character that a header cannot carry"
	}
	return ""
}

// checkPlaces checks the addresses at which people and programs find the service.
func (l *loader) checkPlaces() {
	if strings.HasPrefix(l.config.RuntimeDir, "~") {
		l.problem("LETHE_RUNTIME_DIR", "%q begins with ~, which only a shell understands; use the whole path", l.config.RuntimeDir)
	}
	if address := l.config.PublicURL; address != "" {
		u, err := url.Parse(address)
		if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.User != nil || u.Path+u.RawQuery+u.Fragment != "" {
			l.refuse("LETHE_PUBLIC_URL", "is not such an address")
		}
	}
}

func isVisibleASCII(s string) bool {
	for _, b := range []byte(s) {
		if b <= ' ' || b > '~' {
			return false
		}
	}
	return true
}

// checkEmbeddingsServer is used for the openai embedder only. The others ignore these
// settings, so that switching back and forth takes one change.
func (l *loader) checkEmbeddingsServer() {
	c := l.config
	if c.EmbeddingsURL == "" {
		l.problem("LETHE_EMBEDDINGS_URL", "is needed by LETHE_EMBEDDER=openai; use the server's address, such as http://localhost:11434/v1")
	}
	l.checkServer("LETHE_EMBEDDINGS", c.EmbeddingsURL, c.EmbeddingsModel, c.EmbeddingsAPIKey, "LETHE_EMBEDDER=openai")
}

// checkOptionalServer is for a server that is used when its address is set.
func (l *loader) checkOptionalServer(prefix, address, model string, key Secret) {
	if address != "" {
		l.checkServer(prefix, address, model, key, prefix+"_URL")
		return
	}
	if model != "" {
		l.problem(prefix+"_MODEL", "has no effect without a server; set %s_URL too, or neither", prefix)
	}
}

// checkServer checks the settings of a model server.
func (l *loader) checkServer(prefix, address, model string, key Secret, neededBy string) {
	if model == "" {
		l.problem(prefix+"_MODEL", "is needed by %s; use the server's name of a model", neededBy)
	}
	if len(model) > maxModelName {
		l.problem(prefix+"_MODEL", "is longer than %d bytes", maxModelName)
	}
	if !isVisibleASCII(key.Reveal()) {
		l.problem(prefix+"_API_KEY", "contains a space or a character that a header cannot carry")
	}
	if address == "" {
		return
	}
	u, err := url.Parse(address)
	switch accepts, _ := variable(prefix + "_URL"); {
	case err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Hostname() == "":
		l.problem(prefix+"_URL", "is not an http or https address; use %s", accepts.Accepts())
	case u.User != nil:
		l.problem(prefix+"_URL", "contains a user or password; put the key into %s_API_KEY", prefix)
	case u.RawQuery != "" || u.Fragment != "":
		l.problem(prefix+"_URL", "has something after the path; use %s", accepts.Accepts())
	case u.Hostname() == "api.openai.com" && key == "":
		l.problem(prefix+"_API_KEY", "is needed by api.openai.com")
	}
}

func (l *loader) checkBurst() {
	if l.isSet("LETHE_RATE_BURST") && l.config.RatePerSecond == 0 && !l.bad["LETHE_RATE_BURST"] && !l.bad["LETHE_RATE_LIMIT"] {
		l.problem("LETHE_RATE_BURST", "has no effect without a rate limit; set LETHE_RATE_LIMIT too, or leave both")
	}
}

// isHost reports whether s is an IP address or could be a host's name.
func isHost(s string) bool {
	if _, err := netip.ParseAddr(s); err == nil {
		return true
	}
	if s == "" || len(s) > 253 {
		return false
	}
	for _, label := range strings.Split(s, ".") {
		if label == "" || len(label) > 63 || strings.HasPrefix(label, "-") || strings.HasSuffix(label, "-") {
			return false
		}
		for _, r := range label {
			if !isHostRune(r) {
				return false
			}
		}
	}
	return true
}

// isHostRune allows the underscore too: container networks have such names.
func isHostRune(r rune) bool {
	return r == '-' || r == '_' || (r >= '0' && r <= '9') || (r >= 'a' && r <= 'z') || (r >= 'A' && r <= 'Z')
}
