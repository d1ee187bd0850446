package server

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/lethe-chat/lethe/internal/budget"
	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/server/wire"
	"github.com/lethe-chat/lethe/pkg/api"
)

// AddConversation answers POST /v4/conversations.
func (d *documents) AddConversation(ctx context.Context, r wire.AddConversationRequestObject) (wire.AddConversationResponseObject, error) {
	var f fields
	sent := chat.Upload{
		Platform: cmp.Or(f.container(r.Body.ContainerTag, r.Body.ContainerTags), defaultContainer), ExternalID: r.Body.ConversationID,
		Messages: make([]chat.UploadMessage, len(r.Body.Messages)),
	}
	for i, m := range r.Body.Messages {
		sent.Messages[i] = chat.UploadMessage{Role: m.Role, Text: f.contentOf(i, m.Content)}
	}
	if err := f.err(); err != nil {
		return nil, err
	}
	stored, err := d.add(ctx, sent)
	if err != nil {
		return nil, err
	}
	return wire.AddConversation200JSONResponse{ID: string(stored.ID), ConversationID: stored.ExternalID, Status: api.UploadStatus(stored.IndexState)}, nil
}

// contentOf returns the text of a message: a string, or the texts of a list of parts.
func (f *fields) contentOf(message int, content any) string {
	switch content := content.(type) {
	case string:
		return content
	case []any:
		var texts []string
		for _, part := range content {
			fields, _ := part.(map[string]any)
			if text, ok := fields["text"].(string); ok {
				texts = append(texts, text)
			}
		}
		return strings.Join(texts, "\n")
	}
	f.refuse("messages[%d].content must be a string or a list of parts", message)
	return ""
}

// AddDocument answers POST /v3/documents. Without an id of the caller the text itself is the id, so
// a text that is sent twice is stored once.
func (d *documents) AddDocument(ctx context.Context, r wire.AddDocumentRequestObject) (wire.AddDocumentResponseObject, error) {
	var f fields
	container := cmp.Or(f.container(r.Body.ContainerTag, r.Body.ContainerTags), defaultContainer)
	if err := f.err(); err != nil {
		return nil, err
	}
	sum := sha256.Sum256([]byte(r.Body.Content))
	stored, err := d.add(ctx, chat.Upload{
		Platform: container, ExternalID: cmp.Or(value(r.Body.CustomID), fmt.Sprintf("text-%s", hex.EncodeToString(sum[:16]))),
		Messages: []chat.UploadMessage{{Role: "human", Text: r.Body.Content}},
	})
	if err != nil {
		return nil, err
	}
	return wire.AddDocument200JSONResponse{ID: string(stored.ID), Status: api.UploadStatus(stored.IndexState)}, nil
}

func (d *documents) add(ctx context.Context, sent chat.Upload) (chat.Conversation, error) {
	budget.Of(ctx).Shrink(uploadCost(sent))
	done, err := d.access.Ingest(ctx, sent)
	return done.Conversation, err
}
