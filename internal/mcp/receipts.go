package mcp

import (
	"context"
	"fmt"
	"strings"

	"github.com/lethe-chat/lethe/internal/chat"
)

// listed is how many imports or receipts an answer without an id has.
const listed = 20

const importHelp = "How the imports and uploads of the user proceed: all of the latest, or the one with an id."

type importInput struct {
	ImportID string `json:"importId,omitempty" jsonschema:"the id of one import; the latest ones if not given"`
}

type importOutput struct {
	Notice string       `json:"notice"`
	Items  []importItem `json:"items"`
	Total  int          `json:"total"`
}

type importItem struct {
	ID            string `json:"id"`
	Kind          string `json:"kind"`
	Platform      string `json:"platform"`
	Status        string `json:"status" jsonschema:"queued, processing, ready or failed"`
	FileName      string `json:"fileName,omitempty"`
	Error         string `json:"error,omitempty"`
	Conversations int    `json:"conversations"`
	Ready         int    `json:"ready" jsonschema:"conversations that search can find"`
	Pending       int    `json:"pending"`
	Failed        int    `json:"failed"`
	CreatedAt     string `json:"createdAt"`
}

func (s *session) imports(ctx context.Context, in importInput) (string, importOutput, error) {
	out := importOutput{Notice: notice, Items: []importItem{}}
	found, err := s.importsOf(ctx, in.ImportID)
	if err != nil {
		return "", out, err
	}
	out.Total = found.total
	rows := []string{}
	for _, i := range found.items {
		one := importItem{
			ID: i.ID, Kind: i.Kind, Platform: i.Platform, Status: string(i.Status), FileName: i.FileName, Error: i.Error,
			Conversations: i.Conversations, Ready: i.Ready, Pending: i.Pending, Failed: i.Failed, CreatedAt: stamp(i.CreatedAt),
		}
		out.Items = append(out.Items, one)
		rows = append(rows, fmt.Sprintf("%s · %s · %s of %s: %s, %d ready, %d pending, %d failed%s",
			one.ID, one.CreatedAt, one.Kind, quoted(one.Platform), one.Status, one.Ready, one.Pending, one.Failed, reason(one)))
	}
	return someOf(out.Total, "import", rows), out, nil
}

type importsFound struct {
	items []chat.Import
	total int
}

func (s *session) importsOf(ctx context.Context, id string) (importsFound, error) {
	if id != "" {
		i, err := s.access.Import(ctx, id)
		return importsFound{[]chat.Import{i}, 1}, err
	}
	page, err := s.access.Imports(ctx, 1, listed)
	return importsFound{page.Items, page.Total}, err
}

// reason returns why an import failed, and of which file it is.
func reason(i importItem) string {
	said := ""
	if i.FileName != "" {
		said += ", file " + quoted(i.FileName)
	}
	if i.Error != "" {
		said += ", " + quoted(i.Error)
	}
	return said
}

const receiptHelp = "Receipts of deletes: when, how much was deleted, and when its storage was reclaimed, so that nothing of it is " +
	"left on the disk. All of the latest, or the one with an id. A receipt has no text and no title."

type receiptInput struct {
	DeletionID string `json:"deletionId,omitempty" jsonschema:"the id of one receipt; the latest ones if not given"`
}

type receiptOutput struct {
	Items []receiptItem `json:"items"`
	Total int           `json:"total"`
}

type receiptItem struct {
	ID            string `json:"id"`
	DeletedAt     string `json:"deletedAt"`
	KeyID         string `json:"keyId" jsonschema:"the key that deleted"`
	Conversations int    `json:"conversations"`
	Messages      int    `json:"messages"`
	Chunks        int    `json:"chunks"`
	Embeddings    int    `json:"embeddings"`
	ReclaimedAt   string `json:"reclaimedAt,omitempty" jsonschema:"absent until the storage is reclaimed"`
}

func (s *session) receipts(ctx context.Context, in receiptInput) (string, receiptOutput, error) {
	out := receiptOutput{Items: []receiptItem{}}
	var found []chat.Deletion
	if in.DeletionID != "" {
		one, err := s.access.Deletion(ctx, chat.DeletionID(in.DeletionID))
		if err != nil {
			return "", out, err
		}
		found, out.Total = []chat.Deletion{one}, 1
	} else {
		page, err := s.access.Deletions(ctx, 1, listed)
		if err != nil {
			return "", out, err
		}
		found, out.Total = page.Items, page.Total
	}
	for _, d := range found {
		out.Items = append(out.Items, receiptOf(d))
	}
	return "", out, nil // it has no text of a chat, so JSON is fine
}

func receiptOf(d chat.Deletion) receiptItem {
	r := receiptItem{
		ID: string(d.ID), DeletedAt: stamp(d.DeletedAt), KeyID: d.KeyID, Conversations: d.Conversations, Messages: d.Messages,
		Chunks: d.Chunks, Embeddings: d.Embeddings,
	}
	if d.ReclaimedAt != nil {
		r.ReclaimedAt = stamp(*d.ReclaimedAt)
	}
	return r
}

// someOf returns how many there are and the rows of those that are shown.
func someOf(total int, one string, rows []string) string {
	if len(rows) == 0 {
		return "There is no " + one + "."
	}
	return lines(plural(total, one)+":", framed(strings.Join(rows, "\n")))
}
