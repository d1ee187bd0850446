package mcp

import (
	"context"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/lethe-chat/lethe/internal/history"
)

// tool is one tool: what it is, which operations it needs, and how it is added to a server.
type tool struct {
	needs []history.Operation
	add   func(*sdk.Server, *session)
}

// allowed reports whether the caller may use the tool. A tool that would only be refused is
// not listed.
func (t tool) allowed(a history.Access) bool {
	for _, op := range t.needs {
		if a.May(op) != nil {
			return false
		}
	}
	return true
}

// tools is the only list of the tools.
func tools() []tool {
	return []tool{
		reading("search_chat_history", "Search the chat history", searchHelp, searchLimits(), (*session).search, history.OpSearch),
		reading("recall_chat_history", "Recall what the chat history says", recallHelp, recallLimits(), (*session).recall, history.OpRecall),
		reading("get_full_conversation", "Read a conversation", fullHelp, fullLimits(), (*session).full, history.OpRead),
		reading("get_conversation_summary", "Sum up a conversation", summaryHelp, nil, (*session).summary, history.OpSummary),
		reading("list_conversations", "List conversations", listHelp, listLimits(), (*session).list, history.OpConversations),
		reading("chat_history_overview", "What the chat history contains", overviewHelp, nil, (*session).overview, history.OpStats),
		reading("import_status", "How imports proceed", importHelp, nil, (*session).imports, history.OpImport, history.OpImports),
		reading("deletion_receipt", "Receipts of deletes", receiptHelp, nil, (*session).receipts, history.OpDeletion, history.OpDeletions),
		deleting("delete_conversations", "Delete conversations", deleteHelp, deleteLimits(), (*session).deleteIDs),
		deleting("delete_matching_conversations", "Delete conversations by filter", matchingHelp, nil, (*session).deleteMatching),
	}
}

// handler answers a call of a tool. The text is what a model reads; the output is the same for
// programs.
type handler[In, Out any] func(s *session, ctx context.Context, in In) (text string, out Out, err error)

// reading is a tool that changes nothing.
func reading[In, Out any](name, title, help string, limits map[string]limit, answer handler[In, Out], needs ...history.Operation) tool {
	return tool{needs: needs, add: adding(&sdk.Tool{
		Name: name, Title: title, Description: help,
		Annotations: &sdk.ToolAnnotations{Title: title, ReadOnlyHint: true, DestructiveHint: new(false), IdempotentHint: true, OpenWorldHint: new(false)},
	}, limits, func(ctx context.Context, s *session, _ *sdk.CallToolRequest, in In) (*sdk.CallToolResult, Out, error) {
		text, out, err := answer(s, ctx, in)
		return textResult(text), out, err
	})}
}

// deleting is a tool that deletes after somebody has confirmed it.
func deleting[In any](name, title, help string, limits map[string]limit, answer func(*session, context.Context, *sdk.CallToolRequest, In) (*sdk.CallToolResult, deleteOutput, error)) tool {
	return tool{needs: []history.Operation{history.OpProposeDelete, history.OpConfirmDelete}, add: adding(&sdk.Tool{
		Name: name, Title: title, Description: help,
		Annotations: &sdk.ToolAnnotations{Title: title, ReadOnlyHint: false, DestructiveHint: new(true), IdempotentHint: true, OpenWorldHint: new(false)},
	}, limits, func(ctx context.Context, s *session, r *sdk.CallToolRequest, in In) (*sdk.CallToolResult, deleteOutput, error) {
		return answer(s, ctx, r, in)
	})}
}

// adding returns the function that adds a tool to a server. The schemas are made once.
func adding[In, Out any](t *sdk.Tool, limits map[string]limit, answer func(context.Context, *session, *sdk.CallToolRequest, In) (*sdk.CallToolResult, Out, error)) func(*sdk.Server, *session) {
	in, err := schemaOf[In](limits)
	if err != nil {
		panic(t.Name + ": " + err.Error()) // only a mistake in this package; every test would see it
	}
	out, err := schemaOf[Out](nil)
	if err != nil {
		panic(t.Name + ": " + err.Error())
	}
	t.InputSchema, t.OutputSchema = in, out
	return func(server *sdk.Server, s *session) {
		sdk.AddTool(server, t, func(ctx context.Context, r *sdk.CallToolRequest, in In) (*sdk.CallToolResult, Out, error) {
			result, out, err := answer(ctx, s, r, in)
			if err != nil {
				err = s.refusal(ctx, err)
			}
			return result, out, err
		})
	}
}

// textResult returns a result with one text; nil when the text is empty, so that the SDK
// writes the output as JSON.
func textResult(text string) *sdk.CallToolResult {
	if text == "" {
		return nil
	}
	return &sdk.CallToolResult{Content: []sdk.Content{&sdk.TextContent{Text: text}}}
}
