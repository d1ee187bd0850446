package mcp

import (
	"context"
	"fmt"
	"strings"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/history"
)

// confirmHelp ends the descriptions of the tools that delete.
const confirmHelp = " It cannot be undone. Where the client can show a form, the user confirms in it. Otherwise the first call deletes " +
	"nothing: it says what would be deleted and returns a confirmToken. Tell the user what would be deleted, and call again with the " +
	"same arguments and the confirmToken only if the user agrees. The token is valid for two minutes and for nothing else."

const deleteHelp = "Delete conversations by their ids, with everything that was derived from them." + confirmHelp

const matchingHelp = "Delete every conversation that a filter selects. Pinned ones are kept unless includePinned or pinnedOnly is " +
	"true. Without any filter, all must be true." + confirmHelp

type deleteInput struct {
	IDs          []string `json:"ids" jsonschema:"the ids of the conversations"`
	Exclude      bool     `json:"exclude,omitempty" jsonschema:"also refuse later uploads of these conversations"`
	ConfirmToken string   `json:"confirmToken,omitempty" jsonschema:"from the answer of the first call, after the user has agreed"`
}

func deleteLimits() map[string]limit { return map[string]limit{"ids": {items: history.MaxDelete}} }

type matchingInput struct {
	selection
	IncludePinned bool   `json:"includePinned,omitempty" jsonschema:"delete pinned conversations too"`
	All           bool   `json:"all,omitempty" jsonschema:"delete every conversation; only without a filter"`
	Exclude       bool   `json:"exclude,omitempty" jsonschema:"also refuse later uploads of these conversations"`
	ConfirmToken  string `json:"confirmToken,omitempty" jsonschema:"from the answer of the first call, after the user has agreed"`
}

// The states of a delete.
const (
	deleted       = "deleted"
	unconfirmed   = "confirmation_required"
	declined      = "declined"
	nothingToLose = "nothing_to_delete"
)

type deleteOutput struct {
	Status       string         `json:"status" jsonschema:"deleted, confirmation_required, declined or nothing_to_delete"`
	Count        int            `json:"count" jsonschema:"how many conversations were deleted"`
	Deleted      []string       `json:"deleted" jsonschema:"the ids of the conversations that were deleted"`
	Receipt      string         `json:"deletionId,omitempty" jsonschema:"for deletion_receipt"`
	Would        *deletePreview `json:"wouldDelete,omitempty" jsonschema:"what a confirmed call would delete"`
	ConfirmToken string         `json:"confirmToken,omitempty" jsonschema:"confirms the call, if the user agrees"`
	Expires      string         `json:"expiresAt,omitempty" jsonschema:"when the confirmToken is no longer valid"`
}

type deletePreview struct {
	Notice        string   `json:"notice"`
	Conversations int      `json:"conversations"`
	Messages      int      `json:"messages"`
	Pinned        int      `json:"pinned" jsonschema:"pinned ones among them; of a filter that keeps pinned ones: how many it keeps"`
	Oldest        string   `json:"oldest"`
	Newest        string   `json:"newest"`
	Titles        []string `json:"titles" jsonschema:"of the conversations that were updated last, at most 20"`
}

func (s *session) deleteIDs(ctx context.Context, r *sdk.CallToolRequest, in deleteInput) (*sdk.CallToolResult, deleteOutput, error) {
	what := history.ToConfirm{Exclude: in.Exclude, IDs: make([]chat.ConversationID, len(in.IDs))}
	for i, id := range in.IDs {
		what.IDs[i] = chat.ConversationID(id)
	}
	return s.delete(ctx, r, what, in.ConfirmToken)
}

func (s *session) deleteMatching(ctx context.Context, r *sdk.CallToolRequest, in matchingInput) (*sdk.CallToolResult, deleteOutput, error) {
	filter, err := in.filter()
	if err != nil {
		return nil, deleteOutput{}, err
	}
	return s.delete(ctx, r, history.ToConfirm{
		Exclude: in.Exclude, Matching: &chat.MatchingDelete{Filter: filter, All: in.All, IncludePinned: in.IncludePinned},
	}, in.ConfirmToken)
}

// delete deletes what was confirmed, or asks for the confirmation: by a form if the client
// shows forms, else by a token that the model sends again. A client that shows forms cannot
// confirm by the argument, because then nobody would have seen the form.
func (s *session) delete(ctx context.Context, r *sdk.CallToolRequest, what history.ToConfirm, token string) (*sdk.CallToolResult, deleteOutput, error) {
	form := showsForms(r)
	switch {
	case len(r.Params.InputResponses) > 0:
		if !accepted(r.Params.InputResponses[formName]) {
			out := deleteOutput{Status: declined, Deleted: []string{}}
			return textResult("The user declined. Nothing was deleted."), out, nil
		}
		return s.confirmed(ctx, what, r.Params.RequestState)
	case token != "" && !form:
		return s.confirmed(ctx, what, token)
	}
	p, err := s.access.ProposeDelete(ctx, what)
	if err != nil {
		return nil, deleteOutput{}, err
	}
	if p.Token == "" {
		out := deleteOutput{Status: nothingToLose, Deleted: []string{}}
		return textResult("No conversation is selected. Nothing was deleted."), out, nil
	}
	if form {
		return &sdk.CallToolResult{InputRequests: sdk.InputRequestMap{formName: confirmForm(p)}, RequestState: p.Token}, deleteOutput{}, nil
	}
	out := deleteOutput{
		Status: unconfirmed, Deleted: []string{}, Would: preview(p), ConfirmToken: p.Token, Expires: stamp(p.Expires),
	}
	return textResult(lines("Nothing was deleted yet. "+would(p)+" Their titles (at most 20):", framed(titles(p)...),
		"Tell the user this and ask. Only if the user agrees, call the tool again with the same arguments and confirmToken "+p.Token+
			" before "+out.Expires+".")), out, nil
}

// confirmed deletes with a token.
func (s *session) confirmed(ctx context.Context, what history.ToConfirm, token string) (*sdk.CallToolResult, deleteOutput, error) {
	done, err := s.access.ConfirmDelete(ctx, what, token)
	if err != nil {
		return nil, deleteOutput{}, err
	}
	out := deleteOutput{Status: deleted, Count: len(done.IDs), Deleted: make([]string, len(done.IDs)), Receipt: string(done.Receipt.ID)}
	for i, id := range done.IDs {
		out.Deleted[i] = string(id)
	}
	return textResult(fmt.Sprintf("%s deleted, with %s. The receipt is %s.",
		plural(out.Count, "conversation"), plural(done.Receipt.Messages, "message"), out.Receipt)), out, nil
}

// formName is the key of the form in a request and its answer; formField is its one field.
const (
	formName  = "confirm"
	formField = "delete"
)

// showsForms reports whether the client shows forms to its user. A client that names no kind
// of elicitation shows forms, as before there were several kinds.
func showsForms(r *sdk.CallToolRequest) bool {
	c := r.ClientCapabilities()
	return c != nil && c.Elicitation != nil && (c.Elicitation.Form != nil || c.Elicitation.URL == nil)
}

// accepted reports whether the user has accepted the form and ticked its box. A client that
// accepts forms by itself does not tick it.
func accepted(answer sdk.InputResponse) bool {
	filled, ok := answer.(*sdk.ElicitResult)
	return ok && filled.Action == "accept" && filled.Content[formField] == true
}

func confirmForm(p history.Proposal) *sdk.ElicitParams {
	return &sdk.ElicitParams{
		Mode:    "form",
		Message: lines(would(p), "It cannot be undone. Their titles (at most 20):", strings.Join(titles(p), "\n")),
		RequestedSchema: map[string]any{
			"type": "object",
			"properties": map[string]any{
				formField: map[string]any{"type": "boolean", "title": "Delete them", "description": "Delete these conversations for good", "default": false},
			},
			"required": []string{formField},
		},
	}
}

// would says what a delete would delete, without a text of a chat.
func would(p history.Proposal) string {
	span := "created on " + day(p.Oldest)
	if day(p.Oldest) != day(p.Newest) {
		span = "created between " + day(p.Oldest) + " and " + day(p.Newest)
	}
	return fmt.Sprintf("%s with %s would be deleted, %s.", plural(p.Conversations, "conversation"), plural(p.Messages, "message"), span)
}

func titles(p history.Proposal) []string {
	list := make([]string, len(p.Titles))
	for i, title := range p.Titles {
		list[i] = quoted(title)
	}
	return list
}

func preview(p history.Proposal) *deletePreview {
	return &deletePreview{
		Notice: notice, Conversations: p.Conversations, Messages: p.Messages, Pinned: p.Pinned,
		Oldest: stamp(p.Oldest), Newest: stamp(p.Newest), Titles: append([]string{}, p.Titles...),
	}
}
