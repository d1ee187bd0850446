package mcp_test

import (
	"strings"
	"testing"
	"time"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"
	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/auth"
	"github.com/lethe-chat/lethe/internal/history"
)

func (d *desk) count() int {
	d.t.Helper()
	n, err := d.Client.Count(d.t.Context())
	require.NoError(d.t, err)
	return n
}

// Without a form, the first call says what would be deleted and the second deletes it.
func TestDeletingByToken(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		for _, revision := range revisions {
			t.Run(revision, func(t *testing.T) {
				s := d.connect(d.Key, revision, nil)
				one, two := d.upload(d.Key, "one", "first"), d.upload(d.Key, "two", "second")
				with := args{"ids": []string{one, two}}
				a := call(t, s, "delete_conversations", with)
				require.Equal(t, "confirmation_required", a.outcome["status"])
				require.Contains(t, a.text, "Nothing was deleted yet. 2 conversations with 2 messages would be deleted")
				require.Contains(t, a.text, `"About one"`)
				would := a.outcome["wouldDelete"].(args)
				require.EqualValues(t, 2, would["conversations"])
				require.ElementsMatch(t, []any{"About one", "About two"}, would["titles"])
				require.NotEmpty(t, would["oldest"])
				require.NotEmpty(t, would["newest"])
				require.Equal(t, 2, d.count())

				token := a.outcome["confirmToken"].(string)
				require.Contains(t, a.text, token)
				with["confirmToken"] = token
				a = call(t, s, "delete_conversations", with)
				require.Equal(t, "deleted", a.outcome["status"], a.text)
				require.ElementsMatch(t, []any{one, two}, a.outcome["deleted"])
				require.Zero(t, d.count())
				receipt := call(t, s, "deletion_receipt", args{"deletionId": a.outcome["deletionId"]})
				require.EqualValues(t, 2, receipt.outcome["items"].([]any)[0].(args)["conversations"])

				again := call(t, s, "delete_conversations", with)
				require.True(t, again.failed, "a token is used up by its delete")
				require.NotContains(t, again.text, "About")
				a = call(t, s, "delete_conversations", args{"ids": []string{one}})
				require.Equal(t, "nothing_to_delete", a.outcome["status"])
				require.NotContains(t, a.outcome, "confirmToken")
			})
		}
	})
}

func TestATokenIsGoodForOneThing(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		one, two := d.upload(d.Key, "one", "first"), d.upload(d.Key, "two", "second")
		s := d.connect(d.Key, revisions[0], nil)
		token := func() any {
			return call(t, s, "delete_conversations", args{"ids": []string{one}}).outcome["confirmToken"]
		}
		refused := func(s *sdk.ClientSession, tool string, with args, why string) {
			t.Helper()
			before := d.count()
			a := call(t, s, tool, with)
			require.True(t, a.failed, "%s: %s", why, a.text)
			require.Contains(t, a.text, "nothing was deleted", why)
			require.NotContains(t, a.text, "About", why)
			require.Equal(t, before, d.count(), why)
		}
		refused(s, "delete_conversations", args{"ids": []string{two}, "confirmToken": token()}, "other ids")
		refused(s, "delete_conversations", args{"ids": []string{one, two}, "confirmToken": token()}, "more ids")
		refused(s, "delete_matching_conversations", args{"all": true, "confirmToken": token()}, "another tool")
		other := d.connect(d.NewKey(t, "default", auth.Read, auth.Write), revisions[1], nil)
		refused(other, "delete_conversations", args{"ids": []string{one}, "confirmToken": token()}, "another key")
		foreign := d.connect(d.NewKey(t, "elsewhere", auth.Read, auth.Write), revisions[1], nil)
		refused(foreign, "delete_conversations", args{"ids": []string{one}, "confirmToken": token()}, "another workspace")
		before := token()
		d.upload(d.Key, "one", "first", "and more")
		refused(s, "delete_conversations", args{"ids": []string{one}, "confirmToken": before}, "a conversation that has changed")
		before = token()
		d.passed.Add(int64(history.ConfirmationLife))
		refused(s, "delete_conversations", args{"ids": []string{one}, "confirmToken": before}, "an expired token")
		for _, none := range []string{"yes", "AAAA", strings.Repeat("A", 32)} {
			a := call(t, s, "delete_conversations", args{"ids": []string{one}, "confirmToken": none})
			require.True(t, a.failed)
			require.Equal(t, 2, d.count())
		}

		last := token()
		d.passed.Add(int64(time.Minute))
		a := call(t, d.connect(d.Key, revisions[2], nil), "delete_conversations", args{"ids": []string{one}, "confirmToken": last})
		require.Equal(t, "deleted", a.outcome["status"], "within its time, in any session: %s", a.text)
	})
}

func TestDeletingByFilter(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		s := d.connect(d.Key, revisions[1], nil)
		d.upload(d.Key, "boat", "first")
		d.upload(d.Key, "boats", "second")
		kept := d.upload(d.Key, "train", "third")
		with := args{"title": "boat"}
		a := call(t, s, "delete_matching_conversations", with)
		require.EqualValues(t, 2, a.outcome["wouldDelete"].(args)["conversations"])
		with["confirmToken"] = a.outcome["confirmToken"]
		d.upload(d.Key, "boathouse", "fourth")
		require.True(t, call(t, s, "delete_matching_conversations", with).failed, "one more matches now")
		delete(with, "confirmToken")
		with["confirmToken"] = call(t, s, "delete_matching_conversations", with).outcome["confirmToken"]
		a = call(t, s, "delete_matching_conversations", with)
		require.EqualValues(t, 3, a.outcome["count"], a.text)
		_, err := d.Client.Get(t.Context(), kept)
		require.NoError(t, err)
	})
}

// In the stateless revision, a client that shows forms is asked by a form.
func TestDeletingByForm(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		var shown []*sdk.ElicitParams
		var fill *sdk.ElicitResult
		s := d.connect(d.Key, revisions[0], func(p *sdk.ElicitParams) *sdk.ElicitResult {
			shown = append(shown, p)
			return fill
		})
		one := d.upload(d.Key, "one", "first")
		with := args{"ids": []string{one}}
		for why, answer := range map[string]*sdk.ElicitResult{
			"declined":               {Action: "decline"},
			"closed":                 {Action: "cancel"},
			"accepted by itself":     {Action: "accept", Content: map[string]any{"delete": false}},
			"accepted with nothing":  {Action: "accept", Content: map[string]any{}},
			"declined and confirmed": {Action: "decline", Content: map[string]any{"delete": true}},
		} {
			fill, shown = answer, nil
			a, err := s.CallTool(t.Context(), &sdk.CallToolParams{Name: "delete_conversations", Arguments: with})
			require.Len(t, shown, 1, why)
			require.Equal(t, 1, d.count(), why)
			if err != nil { // the client itself refuses a form that lacks an answer
				continue
			}
			require.Equal(t, "declined", a.StructuredContent.(map[string]any)["status"], why)
			require.Contains(t, a.Content[0].(*sdk.TextContent).Text, "Nothing was deleted")
		}
		require.Contains(t, shown[0].Message, `"About one"`)
		require.Contains(t, shown[0].Message, "1 conversation with 1 message would be deleted")

		plain := d.connect(d.Key, revisions[1], nil)
		token := call(t, plain, "delete_conversations", with).outcome["confirmToken"]
		fill = &sdk.ElicitResult{Action: "decline"}
		a := call(t, s, "delete_conversations", args{"ids": []string{one}, "confirmToken": token})
		require.Equal(t, "declined", a.outcome["status"], "who shows forms is asked by one, whatever token the model has")
		require.Equal(t, 1, d.count())

		fill = &sdk.ElicitResult{Action: "accept", Content: map[string]any{"delete": true}}
		s2 := d.connect(d.Key, revisions[0], func(*sdk.ElicitParams) *sdk.ElicitResult {
			d.upload(d.Key, "one", "first", "changed while the form was shown")
			return fill
		})
		late := call(t, s2, "delete_conversations", with)
		require.True(t, late.failed, "not what was shown")
		require.Equal(t, 1, d.count())
		a = call(t, s, "delete_conversations", with)
		require.Equal(t, "deleted", a.outcome["status"], a.text)
		require.Equal(t, []any{one}, a.outcome["deleted"])
		require.Zero(t, d.count())
	})
}

// A client that fills in the answer of a form itself, without having been asked, needs the token of
// exactly this delete as well.
func TestAFormIsBoundToItsDelete(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		one, two := d.upload(d.Key, "one", "first"), d.upload(d.Key, "two", "second")
		plain := d.connect(d.Key, revisions[1], nil)
		token := call(t, plain, "delete_conversations", args{"ids": []string{one}}).outcome["confirmToken"].(string)
		s := d.connect(d.Key, revisions[0], func(*sdk.ElicitParams) *sdk.ElicitResult { return &sdk.ElicitResult{Action: "decline"} })
		ticked := sdk.InputResponseMap{"confirm": &sdk.ElicitResult{Action: "accept", Content: map[string]any{"delete": true}}}
		for why, p := range map[string]*sdk.CallToolParams{
			"no state":               {Arguments: args{"ids": []string{one}}, InputResponses: ticked},
			"a state that is none":   {Arguments: args{"ids": []string{one}}, InputResponses: ticked, RequestState: "yes"},
			"the state of another":   {Arguments: args{"ids": []string{two}}, InputResponses: ticked, RequestState: token},
			"more than was shown":    {Arguments: args{"ids": []string{one, two}}, InputResponses: ticked, RequestState: token},
			"an answer to something": {Arguments: args{"ids": []string{one}}, InputResponses: sdk.InputResponseMap{"other": ticked["confirm"]}, RequestState: token},
		} {
			p.Name = "delete_conversations"
			result, err := s.CallTool(t.Context(), p)
			require.NoError(t, err, why)
			text := result.Content[0].(*sdk.TextContent).Text
			require.True(t, result.IsError || strings.Contains(text, "declined"), "%s: %s", why, text)
			require.Equal(t, 2, d.count(), why)
		}
	})
}
