package app_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/app/apptest"
	"github.com/lethe-chat/lethe/internal/auth"
	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/store/storetest"
	"github.com/lethe-chat/lethe/pkg/api"
	"github.com/lethe-chat/lethe/pkg/client"
	"github.com/lethe-chat/lethe/pkg/client/fini"
)

func publicPath(id string) string { return "/v2/hc-interactions/" + id + "/public" }

// publicRefusal returns the message of an error under /v2, and checks that the answer
// contains nothing else.
func (r reply) publicRefusal(t testing.TB) string {
	t.Helper()
	var fields map[string]any
	require.NoError(t, json.Unmarshal([]byte(r.body), &fields), r.body)
	require.Equal(t, []string{"error", "message", "statusCode"}, slices.Sorted(maps.Keys(fields)), r.body)
	require.EqualValues(t, r.status, fields["statusCode"])
	require.Equal(t, http.StatusText(r.status), fields["error"])
	require.NotEmpty(t, fields["message"])
	return fields["message"].(string)
}

// dated stores a conversation of the platform whose last change was at the given time.
func dated(t testing.TB, s *apptest.Service, platform, externalID string, at time.Time) string {
	t.Helper()
	u := apptest.Conversation(externalID, "words of "+externalID, "indeed")
	u.Platform, u.Conversation.UpdatedAt = new(platform), new(api.NewTime(at))
	answer, err := s.Client.Upload(t.Context(), u)
	require.NoError(t, err)
	return answer.ConversationID
}

func listPublic(t testing.TB, s *apptest.Service, query string) api.PublicConversationList {
	t.Helper()
	answer := send(t, s, http.MethodGet, public+query, "")
	require.Equal(t, http.StatusOK, answer.status, answer.body)
	var page api.PublicConversationList
	require.NoError(t, json.Unmarshal([]byte(answer.body), &page))
	return page
}

func idsOf(page api.PublicConversationList) []string {
	ids := []string{}
	for _, c := range page.Conversations {
		ids = append(ids, c.ID)
	}
	return ids
}

// A conversation in Fini's format: fields for what Lethe does not have are null or empty.
func TestAConversationInTheWordsOfFini(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		s := apptest.Start(t, db)
		answer := send(t, s, http.MethodPost, "/api/chat-history/ingest/custom-online", `{"platform":"intercom","conversation":{
			"id":"ticket-7","title":"A refund","createdAt":"2026-03-01T09:30:00.123Z","updatedAt":"2026-03-01T10:00:00Z","messages":[
			{"id":"m1","role":"user","content":"May I have it back?","createdAt":"2026-03-01T09:30:00.123Z"},
			{"role":"assistant","content":"You may.","createdAt":"2026-03-01T09:31:00Z"},
			{"role":"system","content":"Be kind.","createdAt":"2026-03-01T09:32:00Z"},
			{"role":"tool","content":"","createdAt":"2026-03-01T09:33:00Z"}]}}`)
		require.Equal(t, http.StatusOK, answer.status, answer.body)
		var uploaded api.UploadAnswer
		require.NoError(t, json.Unmarshal([]byte(answer.body), &uploaded))
		event := func(createdAt int64, role, message, externalID string) string {
			return fmt.Sprintf(`{"id":"ID","createdAt":%d,"role":%q,"type":"message","message":%q,"externalId":%s,"externalCreatedAt":null,
				"csatRating":null,"feedback":null,"approved":null,"resolved":null,"attachments":[],"tags":[],"usedArticles":[]}`, createdAt, role, message, externalID)
		}
		want := `{"id":"` + uploaded.ConversationID + `","createdAt":1772357400123,"source":"intercom","channel":"chat","status":null,
			"externalId":"ticket-7","url":null,"subjectPreview":"A refund","hasFeedback":false,"resolved":null,"userAttributes":{},
			"usedArticles":[],"usedSubfolders":[],"events":[` + strings.Join([]string{
			event(1772357400123, "user", "May I have it back?", `"m1"`), event(1772357460000, "finibot", "You may.", "null"),
			event(1772357520000, "otherbot", "Be kind.", "null"), event(1772357580000, "otherbot", "", "null"),
		}, ",") + `]}`
		one := send(t, s, http.MethodGet, publicPath(uploaded.ConversationID), "")
		require.Equal(t, http.StatusOK, one.status)
		require.JSONEq(t, want, string(withoutMessageIDs(t, []byte(one.body))))
		list := send(t, s, http.MethodGet, public+"?since=1772359200000&until=1772359200001", "") // around its last change
		require.JSONEq(t, `{"conversations":[`+want+`],"hasMore":false,"nextCursor":null,"prevCursor":null}`, string(withoutMessageIDs(t, []byte(list.body))))
	})
}

func TestThePublicListsParameters(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		s := apptest.Start(t, db)
		moment := time.Date(2026, 2, 1, 12, 0, 0, 0, time.UTC)
		var all []string // newest first
		for i, platform := range []string{"a", "b", "c", "a", "b", "c"} {
			all = append(all, dated(t, s, platform, fmt.Sprint(i), moment.Add(-time.Duration(i)*time.Hour)))
		}
		recent := dated(t, s, "a", "recent", time.Now().Add(-6*24*time.Hour))
		dated(t, s, "a", "week-old", time.Now().Add(-8*24*time.Hour))
		gone := dated(t, s, "a", "gone", moment.Add(-150*time.Minute))
		require.NoError(t, fini.New(s.Client).Delete(t.Context(), gone))
		forgotten := dated(t, s, "a", "sent again", moment)
		require.NoError(t, fini.New(s.Client).Delete(t.Context(), forgotten))
		require.NoError(t, fini.New(s.Client).Delete(t.Context(), dated(t, s, "a", "sent again", moment)))
		ms := func(hoursAgo int, plus int64) string {
			return fmt.Sprint(moment.Add(-time.Duration(hoursAgo)*time.Hour).UnixMilli() + plus)
		}
		around := "?since=" + ms(48, 0) + "&until=" + ms(-48, 0)
		for _, test := range []struct {
			name, query string
			want        []string // the expected ids, or
			says        string
		}{
			{"the last seven days", "", []string{recent}, ""},
			{"empty parameters", "?since=&until=&limit=&cursor=&direction=&source=&channel=&agentId=", []string{recent}, ""},
			{"a window", around, all, ""},
			{"both ends are included", "?since=" + ms(3, 0) + "&until=" + ms(1, 0), all[1:4], ""},
			{"a millisecond less at its start", "?since=" + ms(3, 1) + "&until=" + ms(1, 0), all[1:3], ""},
			{"a millisecond less at its end", "?since=" + ms(3, 0) + "&until=" + ms(1, -1), all[2:4], ""},
			{"the week before its end", "?until=" + ms(0, 0), all, ""},
			{"ninety days", "?since=" + ms(24*90, 0) + "&until=" + ms(0, 0), all, ""},
			{"longer", "?since=" + ms(24*90, -1) + "&until=" + ms(0, 0), nil, "since and until may be at most 90 days apart; ask for one part after the other"},
			{"empty", "?since=" + ms(0, 0) + "&until=" + ms(0, 0), nil, "since must be before until"},
			{"backwards", "?since=" + ms(0, 1) + "&until=" + ms(0, 0), nil, "since must be before until"},
			{"begins in the future", fmt.Sprint("?since=", time.Now().Add(time.Hour).UnixMilli()), nil, "since must be before until"},
			{"since is a date", "?since=2026-03-01", nil, "since must be a time in milliseconds since 1970, such as 1772323200000"},
			{"until is a fraction", "?until=1.5", nil, "until must be a time in milliseconds since 1970, such as 1772323200000"},
			{"before 1970", "?since=-1", nil, "since must be a time in milliseconds since 1970, such as 1772323200000"},
			{"too large for a number", "?until=99999999999999999999", nil, "until must be a time in milliseconds since 1970, such as 1772323200000"},
			{"twice", "?since=1&since=2", nil, "since"},
			{"a limit", around + "&limit=2", all[:2], ""},
			{"a limit over the limit", around + "&limit=1000000000000", all, ""},
			{"a limit of 0", around + "&limit=0", nil, "limit must be at least 1"},
			{"a negative limit", around + "&limit=-5", nil, "limit must be at least 1"},
			{"a limit that is no number", around + "&limit=ten", nil, "limit must be a whole number"},
			{"from an id", around + "&cursor=" + all[2], all[3:], ""},
			{"from an id, older", around + "&direction=next&cursor=" + all[2], all[3:], ""},
			{"from an id, newer", around + "&direction=previous&cursor=" + all[2], all[:2], ""},
			{"newer, without a cursor", around + "&direction=previous", all, ""},
			{"the nearest of the newer", around + "&direction=previous&limit=1&cursor=" + all[2], all[1:2], ""},
			{"an unknown direction", around + "&direction=older", nil, "direction must be next (older) or previous (newer)"},
			{"a malformed cursor", around + "&cursor=2", nil, "cursor must be the id of a conversation; take the next or the previous cursor of a page"},
			{"an unknown cursor", around + "&cursor=" + chat.NewID(), nil, "cursor is the id of no conversation that is there or was deleted; begin again without it"},
			{"a deleted cursor", around + "&cursor=" + gone, all[3:], ""},
			{"a deleted cursor, newer", around + "&direction=previous&cursor=" + gone, all[:3], ""},
			{"a deleted cursor, uploaded again", around + "&cursor=" + forgotten, nil, "cursor is the id of no conversation that is there or was deleted; begin again without it"},
			{"a source", around + "&source=a", []string{all[0], all[3]}, ""},
			{"two sources", around + "&source=a,b", []string{all[0], all[1], all[3], all[4]}, ""},
			{"two sources, repeated", around + "&source=a&source=c", []string{all[0], all[2], all[3], all[5]}, ""},
			{"three, both ways", around + "&source=a,%20b&source=c,a", all, ""},
			{"a source in another case", around + "&source=A", []string{}, ""},
			{"an impossible source", around + "&source=%00,%FF,a%20b", []string{}, ""},
			{"an empty list of sources", around + "&source=,", all, ""},
			{"too many sources", around + "&source=" + strings.Join(unknownIDs(101), ","), nil, "source may name at most 100 platforms"},
			{"the channel of chats", around + "&channel=chat", all, ""},
			{"another channel", around + "&channel=widget", []string{}, ""},
			{"an agent", around + "&agentId=" + chat.NewID(), []string{}, ""},
			{"a broken query", around + "&source=%zz", nil, "the query string is malformed; percent-encode the values"},
		} {
			t.Run(test.name, func(t *testing.T) {
				if test.want != nil {
					require.Equal(t, test.want, idsOf(listPublic(t, s, test.query)))
					return
				}
				answer := send(t, s, http.MethodGet, public+test.query, "")
				require.Equal(t, http.StatusBadRequest, answer.status, answer.body)
				if test.name == "twice" { // the generated code has its own message
					require.Contains(t, answer.publicRefusal(t), test.says)
					return
				}
				require.Equal(t, test.says, answer.publicRefusal(t))
			})
		}
	})
}

func TestThePublicListsCursors(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		s := apptest.Start(t, db)
		var all []string
		for i := range 5 {
			all = append(all, dated(t, s, "a", fmt.Sprint(i), time.Now().Add(-time.Duration(i)*time.Hour)))
		}
		type step struct {
			ids              []string
			more, next, prev bool
		}
		look := func(query string) (step, api.PublicConversationList) {
			page := listPublic(t, s, query)
			return step{idsOf(page), page.HasMore, page.NextCursor != nil, page.PrevCursor != nil}, page
		}
		at, first := look("?limit=2")
		require.Equal(t, step{all[:2], true, true, false}, at)
		require.Equal(t, all[1], *first.NextCursor)
		at, second := look("?limit=2&cursor=" + *first.NextCursor)
		require.Equal(t, step{all[2:4], true, true, true}, at)
		require.Equal(t, []string{all[2], all[3]}, []string{*second.PrevCursor, *second.NextCursor})
		at, third := look("?limit=2&cursor=" + *second.NextCursor)
		require.Equal(t, step{all[4:], false, false, true}, at)
		at, back := look("?limit=2&direction=previous&cursor=" + *third.PrevCursor)
		require.Equal(t, step{all[2:4], true, true, true}, at)
		at, _ = look("?limit=2&direction=previous&cursor=" + *back.PrevCursor)
		require.Equal(t, step{all[:2], false, true, false}, at)

		// Cursors stay valid after their conversations are deleted.
		require.NoError(t, fini.New(s.Client).DeleteBulk(t.Context(), all[1:4]...))
		at, _ = look("?limit=2&cursor=" + *first.NextCursor)
		require.Equal(t, step{all[4:], false, false, true}, at)
		at, _ = look("?limit=2&direction=previous&cursor=" + *third.PrevCursor)
		require.Equal(t, step{all[:1], false, true, false}, at)

		// The client reads the same pages and deletes them meanwhile.
		for i := range 7 {
			all = append(all, dated(t, s, "a", fmt.Sprint("more ", i), time.Now().Add(-time.Duration(i)*time.Minute)))
		}
		deleted := 0
		for c, err := range fini.New(s.Client).All(t.Context(), fini.ListOptions{Limit: 3, Sources: []string{"a"}}) {
			require.NoError(t, err)
			require.NoError(t, fini.New(s.Client).Delete(t.Context(), c.ID))
			deleted++
		}
		require.Equal(t, 9, deleted)
		require.Empty(t, stored(t, s))
	})
}

// A refused delete deletes nothing and answers with an error in the format of /v2.
func TestPublicDeletesThatAreRefused(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		s := apptest.Start(t, db)
		id, other := s.Upload(t, "kept", "words to keep", "kept"), s.Upload(t, "kept too", "words to keep", "kept")
		s.Ready(t, id, other)
		_, reader := s.NewKey(t, chat.DefaultWorkspace, auth.Read)
		_, writer := s.NewKey(t, chat.DefaultWorkspace, auth.Write)
		key, revoked := s.NewKey(t, chat.DefaultWorkspace, auth.Read, auth.Write)
		s.RevokeKey(t, key)
		before := db.Rows(t)
		both := deleteBody(t, id, other)
		const (
			unauthorized = "Invalid or revoked API key"
			forbidden    = "API key does not have the required scope for this operation"
		)
		for _, test := range []struct {
			name, path, body string
			headers          []string
			status           int
			says             string
		}{
			{"no body", public, "", nil, 400, "a JSON body is required, and this request has none; nothing was deleted. Where the body of a DELETE gets lost, send it to POST /v2/hc-interactions/public/delete, or delete one by one: DELETE /v2/hc-interactions/{id}/public"},
			{"null", public, "null", nil, 400, "the body must be a JSON object"},
			{"a bare list", public, `["` + id + `"]`, nil, 400, "the body must be a JSON object"},
			{"no ids", public, "{}", nil, 400, "ids is required"},
			{"ids null", public, `{"ids":null}`, nil, 400, "ids must be an array, not null"},
			{"ids a text", public, `{"ids":"` + id + `"}`, nil, 400, "ids must be an array"},
			{"ids empty", public, `{"ids":[]}`, nil, 400, "ids must have 1 to 50 items, got 0"},
			{"one too many", public, deleteBody(t, append(unknownIDs(49), id, other)...), nil, 400, "ids must have 1 to 50 items, got 51"},
			{"not a UUID", public, deleteBody(t, id, "conv-id-1"), nil, 400, "ids[1] is not a UUID"},
			{"a UUID in another form", public, deleteBody(t, strings.ReplaceAll(id, "-", "")), nil, 400, "ids[0] is not a UUID"},
			{"a number", public, `{"ids":["` + id + `",7]}`, nil, 400, "ids[1] must be a string"},
			{"twice", public, deleteBody(t, id, other, id), nil, 400, "ids[2] is the same as ids[0]"},
			{"twice, in another case", public, deleteBody(t, id, strings.ToUpper(id)), nil, 400, "ids[1] is the same as ids[0]"},
			{"atomic or not", public + "?atomic=yes", both, nil, 400, "atomic must be true or false"},
			{"a form", public, "ids=" + id, []string{"Content-Type", "application/x-www-form-urlencoded"}, 415, "the body must be JSON: send it with 'Content-Type: application/json'"},
			{"compressed", public, both, []string{"Content-Encoding", "gzip"}, 415, "send the body as it is, without Content-Encoding"},
			{"too large", public, both + strings.Repeat(" ", 3<<20), nil, 413, "the body is larger than the 2097152 bytes that this route takes"},
			{"no key", public, both, []string{"Authorization", ""}, 401, unauthorized},
			{"another scheme", public, both, []string{"Authorization", "Basic " + apptest.Key}, 401, unauthorized},
			{"another key", public, both, []string{"Authorization", "Bearer fini_xxxxxxxxxxxxxxxxx"}, 401, unauthorized},
			{"a revoked key", public, both, []string{"Authorization", "Bearer " + revoked}, 401, unauthorized},
			{"a key that reads", public, both, []string{"Authorization", "Bearer " + reader}, 403, forbidden},
			{"one, without a key", publicPath(id), "", []string{"Authorization", ""}, 401, unauthorized},
			{"one, with a revoked key", publicPath(id), "", []string{"Authorization", "Bearer " + revoked}, 401, unauthorized},
			{"one, with a key that reads", publicPath(id), "", []string{"Authorization", "Bearer " + reader}, 403, forbidden},
			{"another path", "/v2/hc-interactions/" + id, "", nil, 404, "no such path; /openapi.yaml lists those there are"},
		} {
			t.Run(test.name, func(t *testing.T) {
				answer := send(t, s, http.MethodDelete, test.path, test.body, test.headers...)
				require.Equal(t, test.status, answer.status, answer.body)
				require.Equal(t, test.says, answer.publicRefusal(t))
				require.Equal(t, before, db.Rows(t), "the number of rows has changed")
			})
		}
		for _, path := range []string{public, publicPath(id)} {
			require.Equal(t, forbidden, send(t, s, http.MethodGet, path, "", "Authorization", "Bearer "+writer).publicRefusal(t))
			require.Equal(t, unauthorized, send(t, s, http.MethodGet, path, "", "Authorization", "").publicRefusal(t))
		}
		for _, unknown := range []string{chat.NewID(), "conv-id-1", "public", "%00", "a%20b"} {
			require.Equal(t, "Conversation not found", send(t, s, http.MethodGet, publicPath(unknown), "").publicRefusal(t))
			answer := send(t, s, http.MethodDelete, publicPath(unknown), "")
			require.JSONEq(t, `{"success":true}`, answer.body)
			require.Equal(t, before, db.Rows(t))
		}
	})
}

// Deletes under /v2 delete the same rows with the same receipt as the other API, and no
// route of either API shows the conversations any more.
func TestPublicDeletesAreTheSameDelete(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		s := apptest.Start(t, db)
		theirs, _ := stranger(t, s, "strangers", auth.Read, auth.Write)
		kept := s.Upload(t, "kept", "the wobbelring stays", "indeed")
		one, a, b := s.Upload(t, "one", "the snarkfeld one", "indeed"), s.Upload(t, "a", "the snarkfeld a", "indeed"), s.Upload(t, "b", "the snarkfeld b", "indeed")
		s.Ready(t, kept, one, a, b)
		untouched := db.RowsOf(t, theirs)
		bulk := func(query string, ids ...string) reply {
			return send(t, s, http.MethodDelete, public+query, deleteBody(t, ids...))
		}
		refused := func(deleted, missing []string) string {
			body, err := json.Marshal(map[string]any{
				"statusCode": 406, "message": "One or more interactions not accessible to the user", "error": "Not Acceptable",
				"deleted": deleted, "notAccessible": missing,
			})
			require.NoError(t, err)
			return string(body)
		}

		require.JSONEq(t, `{"success":true}`, send(t, s, http.MethodDelete, publicPath(strings.ToUpper(one)), "").body)
		require.JSONEq(t, `{"success":true}`, send(t, s, http.MethodDelete, publicPath(one), "").body)
		for _, id := range []string{theirs, one, chat.NewID()} {
			answer := bulk("?atomic=true", b, id, a)
			require.Equal(t, http.StatusNotAcceptable, answer.status)
			require.JSONEq(t, refused([]string{}, []string{id}), answer.body)
		}
		require.ElementsMatch(t, []string{kept, a, b}, stored(t, s), "a refused atomic delete deletes nothing")
		unknown := chat.NewID()
		answer := bulk("?atomic=false", unknown, a, theirs, one)
		require.Equal(t, http.StatusNotAcceptable, answer.status)
		require.JSONEq(t, refused([]string{a}, []string{unknown, theirs, one}), answer.body)
		require.JSONEq(t, refused([]string{}, []string{a}), bulk("", a).body)
		answer = bulk("?atomic=true", b)
		require.Equal(t, http.StatusOK, answer.status)
		require.JSONEq(t, `{"success":true}`, answer.body)

		require.Equal(t, []string{kept}, stored(t, s))
		require.Empty(t, s.Finds(t, "snarkfeld"))
		for _, id := range []string{one, a, b} {
			require.Equal(t, http.StatusNotFound, send(t, s, http.MethodGet, publicPath(id), "").status)
			for table, n := range db.RowsOf(t, id) {
				require.Zero(t, n, table)
			}
		}
		require.Equal(t, untouched, db.RowsOf(t, theirs))
		require.Empty(t, db.Damage(t))

		var receipts api.DeletionList
		require.NoError(t, json.Unmarshal([]byte(send(t, s, http.MethodGet, "/api/chat-history/deletions", "").body), &receipts))
		require.Equal(t, 3, receipts.Total, "one for each delete that deleted something")
		for _, r := range receipts.Items {
			require.Equal(t, []int{1, 2}, []int{r.Conversations, r.Messages})
			require.Positive(t, r.Chunks)
			require.Equal(t, r.Chunks, r.Embeddings)
		}

		var refusal *client.Error
		require.ErrorAs(t, fini.New(s.Client).DeleteAtomic(t.Context(), kept, unknown), &refusal)
		require.Equal(t, []any{406, []string{}, []string{unknown}}, []any{refusal.Status, refusal.Deleted, refusal.NotAccessible})
		require.ErrorAs(t, fini.New(s.Client).DeleteBulk(t.Context(), unknown, kept), &refusal)
		require.Equal(t, []any{406, []string{kept}, []string{unknown}}, []any{refusal.Status, refusal.Deleted, refusal.NotAccessible})
		_, err := fini.New(s.Client).Get(t.Context(), kept)
		require.True(t, client.IsNotFound(err))
		require.ErrorContains(t, err, "404 Not Found: Conversation not found")
	})
}
