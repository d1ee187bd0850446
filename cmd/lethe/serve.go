package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"github.com/spf13/cobra"

	"github.com/lethe-chat/lethe/internal/app"
	"github.com/lethe-chat/lethe/internal/config"
)

func (p *program) serveCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "serve",
		Short: "Run the service",
		Long: "Run the service on LETHE_ADDR. It stores everything in the SQLite file lethe.db in\n" +
			"LETHE_DATA_DIR, or in the PostgreSQL database of LETHE_DATABASE_URL. docs/configuration.md\n" +
			"lists all settings.\n\n" +
			"SIGINT (Ctrl-C) and SIGTERM stop the service after the requests in progress. A second signal\n" +
			"stops it at once.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return p.serve(cmd.Context()) },
	}
}

func (p *program) serve(ctx context.Context) (err error) {
	p.stopsInOrder.Store(true)
	c, err := p.config()
	if err != nil {
		return err
	}
	if c, err = withKeyFile(c); err != nil {
		return err
	}
	logger := p.logger(c)
	logger.Debug("configuration", "config", c)
	logger.LogAttrs(ctx, slog.LevelInfo, "models", c.Models()...)
	a, err := app.New(ctx, app.Options{Config: c, Logger: logger, Version: release()})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.Close()) }()
	return a.Run(ctx, func(s app.Started) { p.welcome(c, s) })
}

// welcome tells the user what to do next. Addresses and commands are those of the
// user's machine, which differ from those inside a container. It is printed on stdout,
// because it is the result of the command and the only place that shows the first key.
func (p *program) welcome(c config.Config, s app.Started) {
	say := func(format string, args ...any) { fmt.Fprintf(p.stdout, format, args...) }
	url := cmp.Or(c.PublicURL, "http://"+callable(strings.TrimPrefix(s.URL, "http://")))
	say("Lethe %s is listening on %s\n", release(), cmp.Or(c.PublicURL, s.URL))
	if c.DatabaseURL == "" {
		say("Data is stored in %s\n", c.DataDir)
	}
	if s.PageURL != "" {
		say("\nOpen this in your browser (it works once, for five minutes; `%s open` makes another):\n\n    %s\n\n", c.Command, s.PageURL)
	}
	key := "$LETHE_KEY"
	switch {
	case s.FirstKey != "":
		key = s.FirstKey
		say("\nYour API key, shown only once (`%s keys create` makes more):\n\n    %s\n", c.Command, s.FirstKey)
	case c.APIKeyFile != "":
		key = fmt.Sprintf("$(cat '%s')", c.APIKeyFile)
		say("Requests need the key in %s.\n", c.APIKeyFile)
	case c.APIKey != "":
		key = "$LETHE_API_KEY"
		say("Requests need the key in LETHE_API_KEY.\n")
	default:
		say("Use an existing key, or create one: LETHE_KEY=$(%s keys create --workspace default --name me --scopes read,write)\n", c.Command)
	}
	say("\nTry it: this uploads a conversation, finds it and deletes it.\n\n%s\n\n", trial(url, key))
	if s.Local {
		say("In another terminal, `%s import FILE` and `%s search WORDS` work without a key.\n", c.Command, c.Command)
	}
	say("The API is documented at %s/docs. Press Ctrl-C to stop.\n", url)
}

// trial returns one line to paste into a POSIX shell.
func trial(url, key string) string {
	return fmt.Sprintf(`U=%s/api/chat-history; A="Authorization: Bearer %s"; J="Content-Type: application/json"; `+
		`ID=$(curl -sS $U/ingest/custom-online -H "$A" -H "$J" -d '{"conversation":{"id":"first","title":"A first conversation",`+
		`"messages":[{"role":"human","content":"Where did I leave the spare key?"},`+
		`{"role":"assistant","content":"Under the blue flowerpot by the back door."}]}}' | `+
		`sed 's/.*"conversationId":"\([^"]*\)".*/\1/'); sleep 2; `+
		`curl -sS $U/search -H "$A" -H "$J" -d '{"query":"spare key"}'; echo; `+
		`curl -sS -X DELETE $U/chats -H "$A" -H "$J" -d "{\"ids\":[\"$ID\"]}"; echo`, url, key)
}
