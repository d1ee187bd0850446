package main

import (
	"context"
	"errors"

	"github.com/lethe-chat/lethe/internal/app"
	"github.com/lethe-chat/lethe/internal/auth"
	"github.com/lethe-chat/lethe/internal/embed"
	"github.com/lethe-chat/lethe/internal/history"
	"github.com/lethe-chat/lethe/internal/store"
)

// databaseCommands returns the last paragraph of the help of commands that open the database themselves.
func databaseCommands(what string) string {
	return what + " The commands use the database itself, whether or not\na service is running. A running service applies the change at once."
}

// withStore opens the database for a command that uses it without the service.
func (p *program) withStore(ctx context.Context, purpose app.Purpose, fn func(*store.Store) error) (err error) {
	c, err := p.config()
	if err != nil {
		return err
	}
	s, err := app.OpenStore(ctx, c, p.logger(c), purpose)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	return fn(s)
}

// withConversations is withHistory for a command that reads conversations, which a restored backup may have although
// they were deleted.
func (p *program) withConversations(ctx context.Context, fn func(*history.History) error) (err error) {
	c, err := p.config()
	if err != nil {
		return err
	}
	s, l, err := app.OpenWithLedger(ctx, c, p.logger(c), app.ToLook)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	if err := app.Obey(ctx, s, l); err != nil {
		return err
	}
	return fn(history.New(history.Options{Store: s, Embedder: embed.NewNone()}))
}

// withHistory is withStore for a command that also needs the rules of package history.
func (p *program) withHistory(ctx context.Context, purpose app.Purpose, fn func(*history.History) error) error {
	return p.withStore(ctx, purpose, func(s *store.Store) error {
		return fn(history.New(history.Options{Store: s, Embedder: embed.NewNone()}))
	})
}

// withAdministration is withStore for a command that manages keys and workspaces.
func (p *program) withAdministration(ctx context.Context, purpose app.Purpose, fn func(history.Administration) error) error {
	return p.withHistory(ctx, purpose, func(h *history.History) error {
		administration, err := h.Administer(auth.Operator(0))
		if err != nil {
			return err
		}
		return fn(administration)
	})
}
