package mcp

import (
	"context"
	"strings"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/history"
)

// conversationURI begins the addresses of conversations.
const conversationURI = "lethe://conversation/"

// addResources lets clients attach a conversation by its address.
func (s *session) addResources(server *sdk.Server) {
	server.AddResourceTemplate(&sdk.ResourceTemplate{
		Name: "conversation", Title: "A conversation", URITemplate: conversationURI + "{id}", MIMEType: "text/plain",
		Description: "The transcript of one conversation, by its id. A very long one is cut; get_full_conversation has the rest.",
	}, s.resource)
}

func (s *session) resource(ctx context.Context, r *sdk.ReadResourceRequest) (*sdk.ReadResourceResult, error) {
	id := strings.TrimPrefix(r.Params.URI, conversationURI)
	piece, err := s.access.ReadPiece(ctx, chat.ConversationID(id), history.Place{}, maxPart)
	switch {
	case fault.Is(err, fault.NotFound):
		return nil, sdk.ResourceNotFoundError(r.Params.URI)
	case err != nil:
		return nil, &jsonrpc.Error{Code: jsonrpc.CodeInternalError, Message: s.say(ctx, err)}
	}
	text := transcript(piece)
	if piece.Next != nil {
		text = lines(text, "The conversation is longer: get_full_conversation goes on with cursor "+cursorOf(piece.Next))
	}
	return &sdk.ReadResourceResult{Contents: []*sdk.ResourceContents{{URI: r.Params.URI, MIMEType: "text/plain", Text: text}}}, nil
}
