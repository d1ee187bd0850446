package client

import (
	"context"
	"iter"
	"net/http"
	"strconv"
	"time"

	"github.com/lethe-chat/lethe/pkg/api"
)

// PublicListOptions select and page conversations under /v2. The zero value is
// the first 50 that changed in the last seven days.
type PublicListOptions struct {
	Since   time.Time // changed at or after; zero for seven days before Until
	Until   time.Time // changed at or before; zero for now; at most 90 days after Since
	Limit   int       // at most 100; 0 for 50
	Cursor  string    // the id of the conversation to go on from, as NextCursor and PrevCursor are; empty for the beginning
	Newer   bool      // go on from Cursor towards newer conversations, as PrevCursor is for
	Sources []string  // these platforms; empty for all
}

func (o PublicListOptions) params() *api.ListPublicConversationsParams {
	p := &api.ListPublicConversationsParams{
		Since: millis(o.Since), Until: millis(o.Until), Limit: number(o.Limit), Cursor: text(o.Cursor), Source: o.Sources,
	}
	if o.Newer {
		p.Direction = text("previous")
	}
	return p
}

// ListPublic returns one page of the conversations of a window of time, with
// their messages, the one changed last first.
func (c *Client) ListPublic(ctx context.Context, o PublicListOptions) (api.PublicConversationList, error) {
	return read[api.PublicConversationList](c.raw.ListPublicConversations(ctx, o.params()))
}

// AllPublic yields every conversation that the options select, page by page from
// their Cursor on, towards older ones or, with Newer, page by page towards newer
// ones. After an error it stops. The window is fixed when it begins, and what was
// yielded may be deleted on the way. Where conversations are changed meanwhile, some
// may come twice; inside a window that ends in the past none is left out.
func (c *Client) AllPublic(ctx context.Context, o PublicListOptions) iter.Seq2[api.PublicConversation, error] {
	return func(yield func(api.PublicConversation, error) bool) {
		if o.Until.IsZero() {
			o.Until = time.Now()
		}
		for {
			page, err := c.ListPublic(ctx, o)
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

// GetPublic returns a conversation in the form of /v2; IsNotFound tells when
// there is none of that id.
func (c *Client) GetPublic(ctx context.Context, id string) (api.PublicConversation, error) {
	return read[api.PublicConversation](c.raw.GetPublicConversation(ctx, id))
}

// DeletePublic removes a conversation for good. It does not tell whether there
// was one.
func (c *Client) DeletePublic(ctx context.Context, id string) error {
	return succeed(c.raw.DeletePublicConversation(ctx, id))
}

// DeletePublicBulk removes 1 to 50 conversations for good. When some of the ids
// are not there, the others are deleted all the same and the error is an *Error
// with status 406, whose Deleted and NotAccessible tell them apart.
func (c *Client) DeletePublicBulk(ctx context.Context, ids ...string) error {
	return c.deletePublicBulk(ctx, nil, ids)
}

// DeletePublicAtomic removes 1 to 50 conversations for good, or, when some of the
// ids are not there, none: then the error is an *Error with status 406, whose
// NotAccessible names them.
func (c *Client) DeletePublicAtomic(ctx context.Context, ids ...string) error {
	return c.deletePublicBulk(ctx, text("true"), ids)
}

func (c *Client) deletePublicBulk(ctx context.Context, atomic *string, ids []string) error {
	if ids == nil {
		ids = []string{} // an empty list is refused by the service, in its own words
	}
	return succeed(c.raw.DeletePublicConversations(ctx, &api.DeletePublicConversationsParams{Atomic: atomic}, api.PublicDeleteRequest{IDs: ids}))
}

// succeed is read for answers that say nothing but that it is done.
func succeed(resp *http.Response, err error) error {
	_, err = read[api.PublicSuccess](resp, err)
	return err
}

func millis(t time.Time) *string {
	if t.IsZero() {
		return nil
	}
	return text(strconv.FormatInt(t.UnixMilli(), 10))
}
