package client

import (
	"context"
	"io"
	"iter"
	"strconv"
	"time"

	"github.com/lethe-chat/lethe/pkg/api"
)

// ListOptions select and page conversations. The zero value is the first 25 of
// all.
type ListOptions struct {
	Page        int       // from 1; 0 for the first
	PageSize    int       // at most 100; 0 for 25
	Provider    string    // one platform; empty for all
	Title       string    // a part of the title, in either case; empty for all
	CreatedFrom time.Time // created at or after; zero for no bound
	CreatedTo   time.Time // created at or before; zero for no bound
	PinnedOnly  bool
	ImportID    string // created by this import; empty for all
}

func (o ListOptions) params() *api.ListConversationsParams {
	p := &api.ListConversationsParams{
		Page: number(o.Page), PageSize: number(o.PageSize),
		Provider: text(o.Provider), Title: text(o.Title), ImportID: text(o.ImportID),
		DateFrom: moment(o.CreatedFrom), DateTo: moment(o.CreatedTo),
	}
	if o.PinnedOnly {
		p.PinnedOnly = text("true")
	}
	return p
}

func (o ListOptions) exportParams() *api.ExportConversationsParams {
	p := &api.ExportConversationsParams{
		Provider: text(o.Provider), Title: text(o.Title), ImportID: text(o.ImportID),
		DateFrom: moment(o.CreatedFrom), DateTo: moment(o.CreatedTo),
	}
	if o.PinnedOnly {
		p.PinnedOnly = text("true")
	}
	return p
}

// Upload stores one conversation, or brings the stored one with the same
// platform and id up to date. It can be found by search a moment later: see
// AwaitImport.
func (c *Client) Upload(ctx context.Context, u api.UploadRequest) (api.UploadAnswer, error) {
	return Decode[api.UploadAnswer](c.raw.UploadConversation(ctx, u))
}

// List returns one page of the conversations, the one updated last first.
func (c *Client) List(ctx context.Context, o ListOptions) (api.ConversationList, error) {
	return Decode[api.ConversationList](c.raw.ListConversations(ctx, o.params()))
}

// All yields every conversation that the options select, page by page, beginning
// with their Page. After an error it stops. Conversations that are added or
// deleted while it runs may be missed or come twice; collect first, then delete.
func (c *Client) All(ctx context.Context, o ListOptions) iter.Seq2[api.ConversationSummary, error] {
	return func(yield func(api.ConversationSummary, error) bool) {
		o.Page = max(o.Page, 1)
		for ; ; o.Page++ {
			page, err := c.List(ctx, o)
			if err != nil {
				yield(api.ConversationSummary{}, err)
				return
			}
			for _, item := range page.Items {
				if !yield(item, nil) {
					return
				}
			}
			if len(page.Items) == 0 || page.Page >= page.TotalPages {
				return
			}
		}
	}
}

// Get returns a conversation with its messages; IsNotFound tells when there is
// none of that id.
func (c *Client) Get(ctx context.Context, id string) (api.ConversationDetail, error) {
	return Decode[api.ConversationDetail](c.raw.GetConversation(ctx, &api.GetConversationParams{ConversationID: &id}))
}

// Count returns how many conversations the workspace has.
func (c *Client) Count(ctx context.Context) (int, error) {
	answer, err := Decode[api.CountAnswer](c.raw.CountConversations(ctx))
	return answer.Count, err
}

// Delete removes 1 to 10,000 conversations for good and tells which of the ids
// this very call removed. There is no way back.
func (c *Client) Delete(ctx context.Context, ids ...string) (api.DeleteAnswer, error) {
	if ids == nil {
		ids = []string{} // an empty list is refused by the service, in its own words
	}
	return c.DeleteWith(ctx, api.DeleteRequest{IDs: ids})
}

// DeleteWith removes conversations as Delete does, with what else a delete may be
// told: to refuse later uploads of them, and to wait for the storage.
func (c *Client) DeleteWith(ctx context.Context, r api.DeleteRequest) (api.DeleteAnswer, error) {
	return Decode[api.DeleteAnswer](c.raw.DeleteConversations(ctx, nil, r))
}

// DeleteMatching removes every conversation that a filter selects, in one
// transaction however many they are, or with DryRun only counts them. Pinned ones
// are spared unless asked for. There is no way back.
func (c *Client) DeleteMatching(ctx context.Context, r api.DeleteMatchingRequest) (api.DeleteMatchingAnswer, error) {
	return Decode[api.DeleteMatchingAnswer](c.raw.DeleteMatchingConversations(ctx, r))
}

// LiftExclusions lets uploads of conversations in again that were deleted with
// Exclude, and returns how many of the named ones were.
func (c *Client) LiftExclusions(ctx context.Context, r api.LiftRequest) (int, error) {
	answer, err := Decode[api.LiftAnswer](c.raw.LiftExclusions(ctx, r))
	return answer.Lifted, err
}

// ReindexFailed queues what could not be indexed, and returns how many conversations
// that are.
func (c *Client) ReindexFailed(ctx context.Context) (int, error) {
	answer, err := Decode[api.ReindexAnswer](c.raw.Reindex(ctx, api.ReindexRequest{Failed: true}))
	return answer.Queued, err
}

// Export writes the conversations that the options select to w as JSON lines, each
// of which is an UploadRequest. Page and PageSize mean nothing here. After an
// error w may have some of the lines: the file is not to be trusted then.
func (c *Client) Export(ctx context.Context, o ListOptions, w io.Writer) error {
	return copied(w)(c.raw.ExportConversations(ctx, o.exportParams()))
}

// ExportOne writes one conversation as Export does; IsNotFound tells when there
// is none of that id.
func (c *Client) ExportOne(ctx context.Context, id string, w io.Writer) error {
	return copied(w)(c.raw.ExportConversations(ctx, &api.ExportConversationsParams{ConversationID: &id}))
}

// Deletions returns one page of the receipts of deletes, the newest first. 0 for
// page or pageSize means the service's own.
func (c *Client) Deletions(ctx context.Context, page, pageSize int) (api.DeletionList, error) {
	return Decode[api.DeletionList](c.raw.ListDeletions(ctx, &api.ListDeletionsParams{Page: number(page), PageSize: number(pageSize)}))
}

// Deletion returns the receipt of a delete; IsNotFound tells when there is none
// of that id.
func (c *Client) Deletion(ctx context.Context, id string) (api.Deletion, error) {
	return Decode[api.Deletion](c.raw.GetDeletion(ctx, id))
}

// Search finds the passages nearest to a query.
func (c *Client) Search(ctx context.Context, q api.SearchRequest) (api.SearchAnswer, error) {
	return Decode[api.SearchAnswer](c.raw.SearchChatHistory(ctx, q))
}

// Recall returns what the history knows about a query, or several, as one text.
func (c *Client) Recall(ctx context.Context, q api.RecallRequest) (api.RecallAnswer, error) {
	return Decode[api.RecallAnswer](c.raw.Recall(ctx, q))
}

// Edit renames or pins a conversation and returns it as it is then.
func (c *Client) Edit(ctx context.Context, e api.EditRequest) (api.ConversationSummary, error) {
	return Decode[api.ConversationSummary](c.raw.EditConversation(ctx, e))
}

// ImportFile stores the conversations of a file that Export wrote, or of any with
// an UploadRequest a line. What was deleted before stays deleted unless
// restoreDeleted.
func (c *Client) ImportFile(ctx context.Context, file io.Reader, restoreDeleted bool) (api.ImportAnswer, error) {
	p := &api.ImportConversationsParams{}
	if restoreDeleted {
		p.RestoreDeleted = text("true")
	}
	return Decode[api.ImportAnswer](c.raw.ImportConversationsWithBody(ctx, p, "application/x-ndjson", file))
}

// Imports returns one page of the uploads and imports, the newest first. 0 for
// page or pageSize means the service's own.
func (c *Client) Imports(ctx context.Context, page, pageSize int) (api.ImportList, error) {
	return Decode[api.ImportList](c.raw.ListImports(ctx, &api.ListImportsParams{Page: number(page), PageSize: number(pageSize)}))
}

// Import returns how far an upload or import is.
func (c *Client) Import(ctx context.Context, id string) (api.Import, error) {
	return Decode[api.Import](c.raw.GetImport(ctx, id))
}

// Waits of AwaitImport between two looks.
const (
	firstLook   = 20 * time.Millisecond
	slowestLook = time.Second
)

// AwaitImport looks at an upload or import until it is ready or failed, and
// returns it as it is then. A failed import is no error; its Error says why. The
// context bounds the waiting.
func (c *Client) AwaitImport(ctx context.Context, id string) (api.Import, error) {
	for wait := firstLook; ; wait = min(2*wait, slowestLook) {
		i, err := c.Import(ctx, id)
		if err != nil || i.Status == api.ImportStatusReady || i.Status == api.ImportStatusFailed {
			return i, err
		}
		if err := pause(ctx, wait); err != nil {
			return i, err
		}
	}
}

// Stats sums the workspace up.
func (c *Client) Stats(ctx context.Context) (api.Stats, error) {
	return Decode[api.Stats](c.raw.GetStats(ctx))
}

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

func moment(t time.Time) *string {
	if t.IsZero() {
		return nil
	}
	return text(api.NewTime(t).String())
}
