package apptest

import (
	"context"
	"errors"
	"io"
	"log/slog"

	"github.com/lethe-chat/lethe/internal/app"
	"github.com/lethe-chat/lethe/internal/config"
)

// run runs the program like the command serve, until ctx ends. It returns when
// everything is stopped and closed.
func run(ctx context.Context, s settings, log io.Writer, started func(app.Started)) (err error) {
	c, err := config.Load(s.Environ)
	if err != nil {
		return err
	}
	a, err := app.New(ctx, app.Options{
		Config: c, Logger: slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: c.LogLevel})),
		Version: "apptest", Embedder: s.embedder, Lease: s.Lease, Grace: s.Grace, BeforeWrite: s.disk,
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.Close()) }()
	return a.Run(ctx, started)
}
