// Package fini talks to the routes of a Lethe service under /v2, which are those of
// Fini's public Conversations API. They show and delete the same conversations as the
// routes of package client, whose Client does the calls: its key, its retries, its
// errors.
package fini

import (
	"context"
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

// New returns a Client that calls as c does.
func New(c *client.Client) *Client { return &Client{c.Raw()} }

// ListOptions select and page conversations. The zero value is
// the first 50 that changed in the last seven days.
type ListOptions struct {
	Since   time.Time // changed at or after; zero for seven days before Until
	Until   time.Time // changed at or before; zero for now; at most 90 days after Since
	Limit   int       // at most 100; 0 for 50
	Cursor  string    // the id of the conversation to go on from, as NextCursor and PrevCursor are; empty for the beginning
	Newer   bool      // go on from Cursor towards newer conversations, as PrevCursor is for
	Sources []string  // these platforms; empty for all
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

// List returns one page of the conversations of a window of time, with
// their messages, the one changed last first.
func (c *Client) List(ctx context.Context, o ListOptions) (api.PublicConversationList, error) {
	return client.Decode[api.PublicConversationList](c.raw.ListPublicConversations(ctx, o.params()))
}

// All yields every conversation that the options select, page by page from
// their Cursor on, towards older ones or, with Newer, page by page towards newer
// ones. After an error it stops. The window is fixed when it begins, and what was
// yielded may be deleted on the way. Where conversations are changed meanwhile, some
// may come twice; inside a window that ends in the past none is left out.
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

// Get returns a conversation; client.IsNotFound tells when
// there is none of that id.
func (c *Client) Get(ctx context.Context, id string) (api.PublicConversation, error) {
	return client.Decode[api.PublicConversation](c.raw.GetPublicConversation(ctx, id))
}

// Delete removes a conversation for good. It does not tell whether there
// was one.
func (c *Client) Delete(ctx context.Context, id string) error {
	return succeed(c.raw.DeletePublicConversation(ctx, id))
}

// DeleteBulk removes 1 to 50 conversations for good. When some of the ids
// are not there, the others are deleted all the same and the error is a *client.Error
// with status 406, whose Deleted and NotAccessible tell them apart.
func (c *Client) DeleteBulk(ctx context.Context, ids ...string) error {
	return c.deleteBulk(ctx, nil, ids)
}

// DeleteAtomic removes 1 to 50 conversations for good, or, when some of the
// ids are not there, none: then the error is a *client.Error with status 406, whose
// NotAccessible names them.
func (c *Client) DeleteAtomic(ctx context.Context, ids ...string) error {
	return c.deleteBulk(ctx, text("true"), ids)
}

func (c *Client) deleteBulk(ctx context.Context, atomic *string, ids []string) error {
	if ids == nil {
		ids = []string{} // an empty list is refused by the service, in its own words
	}
	return succeed(c.raw.DeletePublicConversations(ctx, &api.DeletePublicConversationsParams{Atomic: atomic}, api.PublicDeleteRequest{IDs: ids}))
}

// succeed is client.Decode for answers that say nothing but that it is done.
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

// text and number leave out what is empty.
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
