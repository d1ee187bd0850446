package client

import (
	"context"
	"io"
	"iter"
	"strconv"
	"time"

	"github.com/lethe-chat/lethe/pkg/api"
)

// ListOptions select conversations and a page of them. The zero value selects the first
// 25 of all.
type ListOptions struct {
	Page        int       // from 1; 0 for the first page
	PageSize    int       // at most 100; 0 for 25
	Provider    string    // one platform; empty for all
	Title       string    // a part of the title, ignoring case; empty for all
	CreatedFrom time.Time // created at or after; zero for no bound
	CreatedTo   time.Time // created at or before; zero for no bound
	PinnedOnly  bool
	ImportID    string // created by this import; empty for all
	Archived    *bool  // true: archived at its source; false: not known to be; nil for both
	Starred     *bool  // like Archived
	Project     string // of the source, exact; empty for all
}

func (o ListOptions) params() *api.ListConversationsParams {
	p := &api.ListConversationsParams{
		Page: number(o.Page), PageSize: number(o.PageSize),
		Provider: text(o.Provider), Title: text(o.Title), ImportID: text(o.ImportID),
		Archived: either(o.Archived), Starred: either(o.Starred), Project: text(o.Project),
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
		Archived: either(o.Archived), Starred: either(o.Starred), Project: text(o.Project),
		DateFrom: moment(o.CreatedFrom), DateTo: moment(o.CreatedTo),
	}
	if o.PinnedOnly {
		p.PinnedOnly = text("true")
	}
	return p
}

// Upload stores one conversation, or merges it into the stored one with the same platform
// and id. AwaitImport waits until search can find it.
func (c *Client) Upload(ctx context.Context, u api.UploadRequest) (api.UploadAnswer, error) {
	return Decode[api.UploadAnswer](c.raw.UploadConversation(ctx, &api.UploadConversationParams{IdempotencyKey: newKey()}, u))
}

// List returns one page of the conversations, last updated first.
func (c *Client) List(ctx context.Context, o ListOptions) (api.ConversationList, error) {
	return Decode[api.ConversationList](c.raw.ListConversations(ctx, o.params()))
}

// All yields every conversation that the options select, from their Page on. It stops
// after an error. If conversations are added or deleted meanwhile, it may miss some or
// yield some twice, so collect the ids first and delete afterwards.
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

// Get returns a conversation with its messages. IsNotFound reports whether the error means
// that it does not exist.
func (c *Client) Get(ctx context.Context, id string) (api.ConversationDetail, error) {
	return Decode[api.ConversationDetail](c.raw.GetConversation(ctx, &api.GetConversationParams{ConversationID: &id}))
}

// Messages returns up to limit messages of a conversation, at most 500, beginning at a position.
// Long texts are cut. IsNotFound reports whether the error means that the conversation does not
// exist.
func (c *Client) Messages(ctx context.Context, id string, from, limit int) (api.MessagePage, error) {
	first, most := strconv.Itoa(from), strconv.Itoa(limit)
	return Decode[api.MessagePage](c.raw.ListMessages(ctx, &api.ListMessagesParams{ConversationID: &id, From: &first, Limit: &most}))
}

// Count returns the number of conversations in the workspace.
func (c *Client) Count(ctx context.Context) (int, error) {
	answer, err := Decode[api.CountAnswer](c.raw.CountConversations(ctx))
	return answer.Count, err
}

// Delete deletes 1 to 10,000 conversations and returns the ids that this call deleted. A
// delete cannot be undone.
func (c *Client) Delete(ctx context.Context, ids ...string) (api.DeleteAnswer, error) {
	if ids == nil {
		ids = []string{} // the service refuses an empty list, with its own error
	}
	return c.DeleteWith(ctx, api.DeleteRequest{IDs: ids})
}

// DeleteWith deletes conversations like Delete, with more options: Exclude refuses later
// uploads of them, and Wait waits until the storage is reclaimed.
func (c *Client) DeleteWith(ctx context.Context, r api.DeleteRequest) (api.DeleteAnswer, error) {
	return Decode[api.DeleteAnswer](c.raw.DeleteConversations(ctx, &api.DeleteConversationsParams{IdempotencyKey: newKey()}, r))
}

// DeleteMatching deletes every conversation that a filter selects, in one transaction, or
// with DryRun only counts them. Pinned conversations are kept unless the request includes
// them. If the first answer was lost and the request was retried, the answer has the number of
// conversations and the receipt, but not the ids. A delete cannot be undone.
func (c *Client) DeleteMatching(ctx context.Context, r api.DeleteMatchingRequest) (api.DeleteMatchingAnswer, error) {
	return Decode[api.DeleteMatchingAnswer](c.raw.DeleteMatchingConversations(ctx, &api.DeleteMatchingConversationsParams{IdempotencyKey: newKey()}, r))
}

// DeleteMessages deletes single messages of a conversation, or with DryRun only says what it
// would delete. IsNotFound reports whether the error means that the conversation does not exist.
// A delete cannot be undone.
func (c *Client) DeleteMessages(ctx context.Context, r api.DeleteMessagesRequest) (api.DeleteMessagesAnswer, error) {
	return Decode[api.DeleteMessagesAnswer](c.raw.DeleteMessages(ctx, &api.DeleteMessagesParams{IdempotencyKey: newKey()}, r))
}

// LiftExclusions accepts uploads of conversations again that were deleted with Exclude, and of
// messages that were deleted one by one from the named conversations. It returns how many of
// each there were.
func (c *Client) LiftExclusions(ctx context.Context, r api.LiftRequest) (api.LiftAnswer, error) {
	return Decode[api.LiftAnswer](c.raw.LiftExclusions(ctx, r))
}

// ReindexFailed queues the conversations that could not be indexed, and returns their
// number.
func (c *Client) ReindexFailed(ctx context.Context) (int, error) {
	answer, err := Decode[api.ReindexAnswer](c.raw.Reindex(ctx, api.ReindexRequest{Failed: true}))
	return answer.Queued, err
}

// Export writes the conversations that the options select to w as JSON lines, each an
// UploadRequest. It ignores Page and PageSize. After an error w has received only a part
// of the lines.
func (c *Client) Export(ctx context.Context, o ListOptions, w io.Writer) error {
	return copied(w)(c.raw.ExportConversations(ctx, o.exportParams()))
}

// ExportEverything writes everything that is stored to w, as `lethe restore` reads it: of every
// workspace if the key has the scopes read and admin, otherwise of the key's own. It includes the key of
// the hashes of deleted conversations, so keep the file as you keep the database. After an error w
// has received only a part; the last line of a complete file begins with {"end".
func (c *Client) ExportEverything(ctx context.Context, w io.Writer) error {
	return copied(w)(c.raw.ExportConversations(ctx, &api.ExportConversationsParams{Everything: text("true")}))
}

// ExportOne writes one conversation like Export. IsNotFound reports whether the error
// means that it does not exist.
func (c *Client) ExportOne(ctx context.Context, id string, w io.Writer) error {
	return copied(w)(c.raw.ExportConversations(ctx, &api.ExportConversationsParams{ConversationID: &id}))
}

// Deletions returns one page of the receipts of deletes, newest first. 0 for page or
// pageSize means the service's default.
func (c *Client) Deletions(ctx context.Context, page, pageSize int) (api.DeletionList, error) {
	return Decode[api.DeletionList](c.raw.ListDeletions(ctx, &api.ListDeletionsParams{Page: number(page), PageSize: number(pageSize)}))
}

// Deletion returns the receipt of a delete. IsNotFound reports whether the error means
// that it does not exist.
func (c *Client) Deletion(ctx context.Context, id string) (api.Deletion, error) {
	return Decode[api.Deletion](c.raw.GetDeletion(ctx, id))
}

// Search finds the passages nearest to a query.
func (c *Client) Search(ctx context.Context, q api.SearchRequest) (api.SearchAnswer, error) {
	return Decode[api.SearchAnswer](c.raw.SearchChatHistory(ctx, q))
}

// Recall returns a digest of what the history says about one query, or several.
func (c *Client) Recall(ctx context.Context, q api.RecallRequest) (api.RecallAnswer, error) {
	return Decode[api.RecallAnswer](c.raw.Recall(ctx, q))
}

// Edit renames or pins a conversation and returns it after the change.
func (c *Client) Edit(ctx context.Context, e api.EditRequest) (api.ConversationSummary, error) {
	return Decode[api.ConversationSummary](c.raw.EditConversation(ctx, e))
}

// ImportFile stores the conversations of a file with one UploadRequest a line, as Export
// writes it. Deleted conversations stay deleted unless restoreDeleted is true.
func (c *Client) ImportFile(ctx context.Context, file io.Reader, restoreDeleted bool) (api.ImportAnswer, error) {
	p := &api.ImportConversationsParams{}
	if restoreDeleted {
		p.RestoreDeleted = text("true")
	}
	return Decode[api.ImportAnswer](c.raw.ImportConversationsWithBody(ctx, p, "application/x-ndjson", file))
}

// ContinueImport stores the conversations of a file like ImportFile, without those that were deleted, in the record of
// the import with this id. The first call creates that record: id is then a new UUID of the caller. name stands for
// the names of the files. It returns an *Error with status 409 while the import is running.
func (c *Client) ContinueImport(ctx context.Context, id, name string, file io.Reader) (api.ImportAnswer, error) {
	p := &api.ImportConversationsParams{ImportID: text(id), FileName: text(name)}
	return Decode[api.ImportAnswer](c.raw.ImportConversationsWithBody(ctx, p, "application/x-ndjson", file))
}

// SentFile is an export file that the service reads.
type SentFile struct {
	Body           io.Reader
	Name           string // empty if it has none
	Format         string // empty: the service finds it out
	RestoreDeleted bool   // also store conversations that were deleted before
}

// SendFile sends an export file of any format and returns when it has arrived; Import tells how
// far the service is with it.
func (c *Client) SendFile(ctx context.Context, f SentFile) (api.Import, error) {
	p := &api.ImportConversationsParams{FileName: text(f.Name), Format: text(f.Format), Prefer: text("respond-async")}
	if f.RestoreDeleted {
		p.RestoreDeleted = text("true")
	}
	return Decode[api.Import](c.raw.ImportConversationsWithBody(ctx, p, "application/octet-stream", f.Body))
}

// Imports returns one page of the uploads and imports, newest first. 0 for page or
// pageSize means the service's default.
func (c *Client) Imports(ctx context.Context, page, pageSize int) (api.ImportList, error) {
	return Decode[api.ImportList](c.raw.ListImports(ctx, &api.ListImportsParams{Page: number(page), PageSize: number(pageSize)}))
}

// Import returns the state of an upload or import.
func (c *Client) Import(ctx context.Context, id string) (api.Import, error) {
	return Decode[api.Import](c.raw.GetImport(ctx, id))
}

// Pauses of AwaitImport between two requests.
const (
	firstPoll   = 20 * time.Millisecond
	longestPoll = time.Second
)

// AwaitImport waits until an upload or import is ready or failed, and returns it. A
// failed import is not an error here; its field Error says why it failed. The wait ends
// with ctx.
func (c *Client) AwaitImport(ctx context.Context, id string) (api.Import, error) {
	for wait := firstPoll; ; wait = min(2*wait, longestPoll) {
		i, err := c.Import(ctx, id)
		if err != nil || i.Status == api.ImportStatusReady || i.Status == api.ImportStatusFailed {
			return i, err
		}
		if err := pause(ctx, wait); err != nil {
			return i, err
		}
	}
}

// PageCode returns a one-time code for the page: the service's address, "/#code=" and the
// code sign a browser on its machine in. It needs the scope admin.
func (c *Client) PageCode(ctx context.Context) (api.PageCode, error) {
	return Decode[api.PageCode](c.raw.CreatePageCode(ctx))
}

// Stats returns statistics of the workspace.
func (c *Client) Stats(ctx context.Context) (api.Stats, error) {
	return Decode[api.Stats](c.raw.GetStats(ctx))
}

func text(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func either(b *bool) *string {
	if b == nil {
		return nil
	}
	return text(strconv.FormatBool(*b))
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
