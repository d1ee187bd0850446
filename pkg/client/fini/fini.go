// Package fini calls the routes of a Lethe service under /v2, which are compatible with
// Fini's public Conversations API. They show and delete the same conversations as the
// routes of package client. It uses a client.Client with its key, retries and errors.
package fini

import (
	"context"
	"crypto/rand"
	"iter"
	"net/http"
	"strconv"
	"time"

	"github.com/lethe-chat/lethe/pkg/api"
	"github.com/lethe-chat/lethe/pkg/client"
	"github.com/lethe-chat/lethe/pkg/client/raw"
)

// Client calls the routes under /v2. It is safe for concurrent use.
type Client struct {
	raw *raw.Client
}

// New returns a Client that makes its calls with c.
func New(c *client.Client) *Client { return &Client{c.Raw()} }

// ListOptions select conversations and a page of them. The zero value selects the 50 that
// changed last within the last seven days.
type ListOptions struct {
	Since   time.Time // changed at or after; zero for seven days before Until
	Until   time.Time // changed at or before; zero for now; at most 90 days after Since
	Limit   int       // at most 100; 0 for 50
	Cursor  string    // the id of the conversation after which the page begins, such as NextCursor or PrevCursor; empty for the first page
	Newer   bool      // read from Cursor to newer conversations; use it with PrevCursor
	Sources []string  // platforms; empty for all
}

func (o ListOptions) params() *api.ListPublicConversationsParams {
	p := &api.ListPublicConversationsParams{
		Since: millis(o.Since), Until: millis(o.Until), Limit: number(o.Limit), Cursor: text(o.Cursor), Source: o.Sources,
	}
	if o.Newer {
		p.Direction = text("previous")
	}
	return p
}

// List returns one page of the conversations in a time window, with their messages, last
// changed first.
func (c *Client) List(ctx context.Context, o ListOptions) (api.PublicConversationList, error) {
	return client.Decode[api.PublicConversationList](c.raw.ListPublicConversations(ctx, o.params()))
}

// All yields every conversation that the options select, page by page from their Cursor
// on, to older ones or, with Newer, to newer ones. It stops after an error. The window is
// fixed at the start. Conversations that were yielded may be deleted meanwhile. If
// conversations change meanwhile, some may be yielded twice; in a window that ends in the
// past, none is missed.
func (c *Client) All(ctx context.Context, o ListOptions) iter.Seq2[api.PublicConversation, error] {
	return func(yield func(api.PublicConversation, error) bool) {
		if o.Until.IsZero() {
			o.Until = time.Now()
		}
		for {
			page, err := c.List(ctx, o)
			if err != nil {
				yield(api.PublicConversation{}, err)
				return
			}
			for _, item := range page.Conversations {
				if !yield(item, nil) {
					return
				}
			}
			next := page.NextCursor
			if o.Newer {
				next = page.PrevCursor
			}
			if next == nil {
				return
			}
			o.Cursor = *next
		}
	}
}

// Get returns a conversation. client.IsNotFound reports whether the error means that it
// does not exist.
func (c *Client) Get(ctx context.Context, id string) (api.PublicConversation, error) {
	return client.Decode[api.PublicConversation](c.raw.GetPublicConversation(ctx, id))
}

// Delete deletes a conversation. It succeeds too if the conversation does not exist.
func (c *Client) Delete(ctx context.Context, id string) error {
	return succeed(c.raw.DeletePublicConversation(ctx, id, &api.DeletePublicConversationParams{IdempotencyKey: newKey()}))
}

// DeleteBulk deletes 1 to 50 conversations. If some ids do not exist, it deletes the
// others and returns a *client.Error with status 406, which lists both in Deleted and
// NotAccessible.
func (c *Client) DeleteBulk(ctx context.Context, ids ...string) error {
	return c.deleteBulk(ctx, nil, ids)
}

// DeleteAtomic deletes 1 to 50 conversations. If some ids do not exist, it deletes
// nothing and returns a *client.Error with status 406, which lists them in NotAccessible.
func (c *Client) DeleteAtomic(ctx context.Context, ids ...string) error {
	return c.deleteBulk(ctx, text("true"), ids)
}

func (c *Client) deleteBulk(ctx context.Context, atomic *string, ids []string) error {
	if ids == nil {
		ids = []string{} // the service refuses an empty list, with its own error
	}
	return succeed(c.raw.DeletePublicConversations(ctx, &api.DeletePublicConversationsParams{Atomic: atomic, IdempotencyKey: newKey()}, api.PublicDeleteRequest{IDs: ids}))
}

// succeed decodes an answer that says only that the call succeeded.
func succeed(resp *http.Response, err error) error {
	_, err = client.Decode[api.PublicSuccess](resp, err)
	return err
}

func millis(t time.Time) *string {
	if t.IsZero() {
		return nil
	}
	return text(strconv.FormatInt(t.UnixMilli(), 10))
}

// text and number return nil for an empty value, so that it is not sent.
func text(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func number(n int) *string {
	if n == 0 {
		return nil
	}
	return text(strconv.Itoa(n))
}

// newKey returns an idempotency key for one call, with which the service recognizes it when it is
// sent again.
func newKey() *string { return new(rand.Text()) }
