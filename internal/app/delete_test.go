package app_test

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/app/apptest"
	"github.com/lethe-chat/lethe/internal/auth"
	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/store/storetest"
	"github.com/lethe-chat/lethe/pkg/api"
)

// maxIDs is the most ids that one delete takes.
const maxIDs = 10_000

// stranger stores and indexes a conversation of another workspace, and returns its id and
// that workspace's key.
func stranger(t testing.TB, s *apptest.Service, workspace string, scopes ...auth.Scope) (id, token string) {
	t.Helper()
	_, token = s.NewKey(t, workspace, scopes...)
	answer, err := s.With(t, token).Upload(t.Context(), apptest.Conversation("theirs", "a stranger's words", "indeed"))
	require.NoError(t, err)
	apptest.AwaitImport(t, s.With(t, token), answer.ImportID)
	return answer.ConversationID, token
}

func unknownIDs(n int) []string {
	ids := make([]string, n)
	for i := range ids {
		ids[i] = chat.NewID()
	}
	return ids
}

// Requests that are refused, or that name no stored conversation, delete no row of any
// table.
func TestDeleteOfNothingDeletesNothing(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		s := apptest.Start(t, db)
		id := s.Upload(t, "kept", "words to keep", "kept")
		pinned := s.Upload(t, "pinned", "words to keep pinned", "kept")
		_, err := s.Client.Edit(t.Context(), api.EditRequest{ConversationID: pinned, Pinned: new(true)})
		require.NoError(t, err)
		theirs, _ := stranger(t, s, "strangers", auth.Read, auth.Write)
		_, reader := s.NewKey(t, chat.DefaultWorkspace, auth.Read)
		key, revoked := s.NewKey(t, chat.DefaultWorkspace, auth.Read, auth.Write)
		require.Equal(t, http.StatusOK, send(t, s, "GET", "/api/chat-history/count", "", "Authorization", "Bearer "+revoked).status, "it works")
		s.RevokeKey(t, key)
		s.Ready(t, id, pinned)
		before := db.Rows(t)

		both := deleteBody(t, id, pinned)
		tooMany := append(unknownIDs(maxIDs-1), id, pinned)
		tests := []struct {
			name    string
			body    string
			headers []string
			status  int
			says    string // part of the error; for a 200 nothing
		}{
			// The list is malformed.
			{"no body", "", nil, 400, "body is required"},
			{"no body, labelled", "", []string{"Content-Type", "application/json"}, 400, "body is required"},
			{"blanks", "  \n", nil, 400, "body is required"},
			{"null", "null", nil, 400, "must be a JSON object"},
			{"a bare list", `["` + id + `"]`, nil, 400, "must be a JSON object"},
			{"a bare id", `"` + id + `"`, nil, 400, "must be a JSON object"},
			{"no ids", "{}", nil, 400, "ids is required"},
			{"another name", `{"id":["` + id + `"]}`, nil, 400, "ids is required"},
			{"another case", `{"Ids":["` + id + `"]}`, nil, 400, "ids is required"},
			{"ids null", `{"ids":null}`, nil, 400, "ids must be an array, not null"},
			{"ids a text", `{"ids":"` + id + `"}`, nil, 400, "ids must be an array"},
			{"ids an object", `{"ids":{"0":"` + id + `"}}`, nil, 400, "ids must be an array"},
			{"ids true", `{"ids":true}`, nil, 400, "ids must be an array"},
			{"ids empty", `{"ids":[]}`, nil, 400, "at least one"},
			{"a number", `{"ids":[1]}`, nil, 400, "ids[0] must be a string"},
			{"a null", `{"ids":[null]}`, nil, 400, "ids[0] must be a string, not null"},
			{"one wrong among good ones", `{"ids":["` + id + `",null]}`, nil, 400, "ids[1] must be a string"},
			{"a list in the list", `{"ids":[["` + id + `"]]}`, nil, 400, "ids[0] must be a string"},
			{"ids twice", `{"ids":["` + id + `"],"ids":["` + id + `"]}`, nil, 400, "given twice"},
			{"garbage", "delete everything", nil, 400, "not valid JSON"},
			{"cut off", both[:len(both)-2], nil, 400, "not valid JSON"},
			{"garbage after it", both + "!", nil, 400, "not valid JSON"},
			{"another body after it", both + both, nil, 400, "not valid JSON"},
			{"too many", deleteBody(t, tooMany...), nil, 400, strconv.Itoa(maxIDs)},
			{"too many, though all the same", deleteBody(t, slices.Repeat([]string{id}, maxIDs+1)...), nil, 400, strconv.Itoa(maxIDs)},
			// The headers are wrong.
			{"a form", "ids=" + id, []string{"Content-Type", "application/x-www-form-urlencoded"}, 415, "JSON"},
			{"a text", both, []string{"Content-Type", "text/plain"}, 415, "JSON"},
			{"compressed", both, []string{"Content-Encoding", "gzip"}, 415, "Content-Encoding"},
			{"in UTF-16", both, []string{"Content-Type", "application/json; charset=utf-16"}, 415, "UTF-8"},
			// The key does not allow it.
			{"no key", both, []string{"Authorization", ""}, 401, "no API key"},
			{"not a key", both, []string{"Authorization", "Bearer nobody"}, 401, "Invalid or revoked API key"},
			{"no bearer", both, []string{"Authorization", "Basic " + apptest.Key}, 401, "no API key"},
			{"a read-only key", both, []string{"Authorization", "Bearer " + reader}, 403, "scope"},
			{"a revoked key", both, []string{"Authorization", "Bearer " + revoked}, 401, "Invalid or revoked API key"},
			// The ids do not exist.
			{"unknown", deleteBody(t, unknownIDs(1)...), nil, 200, ""},
			{"another workspace's", deleteBody(t, theirs), nil, 200, ""},
			{"malformed", deleteBody(t, "", " ", "x", id[:35], id+"0", " "+id, "{"+id+"}", strings.ReplaceAll(id, "-", ""), "urn:uuid:"+id, id+"\x00", "%", "' OR 1=1 --"), nil, 200, ""},
			{"the caller's own id", deleteBody(t, "kept"), nil, 200, ""},
			{"as many as may be", deleteBody(t, unknownIDs(maxIDs)...), nil, 200, ""},
		}
		for _, door := range doors {
			for _, test := range tests {
				t.Run(door.name+"/"+test.name, func(t *testing.T) {
					answer := send(t, s, door.method, door.path, test.body, test.headers...)
					require.Equal(t, test.status, answer.status, answer.body)
					if test.status == http.StatusOK {
						require.JSONEq(t, deletedAnswer(t), answer.body)
					} else {
						require.Contains(t, answer.refusal(t), test.says)
					}
					require.Equal(t, before, db.Rows(t), "a row was deleted")
				})
			}
		}
	})
}

// Only the documented methods delete, whatever the request contains.
func TestDeleteByAnotherMethod(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		s := apptest.Start(t, db)
		id := s.Upload(t, "kept", "words to keep", "kept")
		s.Ready(t, id)
		before := db.Rows(t)
		allowed := map[string][]string{chats: {"GET", "HEAD", "DELETE"}, chatsDelete: {"POST"}}
		for path, methods := range allowed {
			for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PURGE"} {
				if slices.Contains(methods, method) {
					continue
				}
				answer := send(t, s, method, path, deleteBody(t, id))
				want := http.StatusMethodNotAllowed
				if method == http.MethodOptions {
					want = http.StatusNoContent
				}
				require.Equal(t, want, answer.status, "%s %s", method, path)
				for _, allows := range methods {
					require.Contains(t, answer.header.Get("Allow"), allows, "%s %s", method, path)
				}
				require.Equal(t, before, db.Rows(t), "%s %s", method, path)
			}
			preflight := send(t, s, "OPTIONS", path, "", "Authorization", "",
				"Origin", "chrome-extension://abcdefgh", "Access-Control-Request-Method", methods[len(methods)-1])
			require.Equal(t, http.StatusNoContent, preflight.status, "a preflight needs no key")
			require.Contains(t, preflight.header.Get("Access-Control-Allow-Methods"), "DELETE")
		}
		require.Equal(t, http.StatusNotFound, send(t, s, "DELETE", chats+"/"+id, "").status)
		require.Equal(t, http.StatusMethodNotAllowed, send(t, s, "DELETE", "/api/chat-history/conversation?conversationId="+id, "").status)
		require.Equal(t, before, db.Rows(t))
	})
}

// A delete answers with the ids that it deleted, in the order of the request, also among
// ids that do not exist. Repeated, it deletes nothing.
func TestDeleteAnswersWhatItDeleted(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		s := apptest.Start(t, db)
		theirs, _ := stranger(t, s, "strangers", auth.Read, auth.Write)
		kept := s.Upload(t, "kept", "words to keep", "kept")
		s.Ready(t, kept)
		before := db.Rows(t)
		for _, door := range doors {
			t.Run(door.name, func(t *testing.T) {
				var ids []string
				for i := range 5 {
					ids = append(ids, s.Upload(t, door.name+strconv.Itoa(i), "words to lose", "lost"))
				}
				_, err := s.Client.Edit(t.Context(), api.EditRequest{ConversationID: ids[1], Pinned: new(true)})
				require.NoError(t, err)
				s.Ready(t, ids...)

				asked := []string{ids[3], ids[0], chat.NewID(), ids[3], theirs, "", "no id", strings.ToUpper(ids[4]), ids[1], strings.ToUpper(ids[0]), ids[4]}
				answer := send(t, s, door.method, door.path, deleteBody(t, asked...))
				require.Equal(t, http.StatusOK, answer.status, answer.body)
				require.JSONEq(t, deletedAnswer(t, ids[3], ids[0], ids[4], ids[1]), answer.body)

				again := send(t, s, door.method, door.path, deleteBody(t, asked...))
				require.Equal(t, http.StatusOK, again.status)
				require.JSONEq(t, deletedAnswer(t), again.body)
				other := send(t, s, doors[0].method, doors[0].path, deleteBody(t, ids...))
				require.JSONEq(t, deletedAnswer(t, ids[2]), other.body)

				for _, id := range ids {
					require.Equal(t, http.StatusNotFound, send(t, s, "GET", "/api/chat-history/conversation?conversationId="+id, "").status)
				}
			})
		}
		t.Run("as many as may be", func(t *testing.T) {
			id := s.Upload(t, "one of many", "words to lose", "lost")
			s.Ready(t, id)
			answer := send(t, s, doors[0].method, doors[0].path, deleteBody(t, append(unknownIDs(maxIDs-1), id)...))
			require.JSONEq(t, deletedAnswer(t, id), answer.body)
		})
		after := db.Rows(t)
		// The records of imports, deletes and idempotency keys remain; the rows of the
		// conversations do not.
		for _, record := range []string{"imports", "deletions", "tombstones", "idempotency_keys"} { // the client sends a key with each request
			delete(before, record)
		}
		for table, n := range before {
			require.Equal(t, n, after[table], "only the kept ones remain in %s", table)
		}
		require.Empty(t, db.Damage(t))
	})
}

// A request whose body a proxy dropped must not delete everything.
func TestDeleteWithABodyThatGetsLost(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		s := apptest.Start(t, db)
		id := s.Upload(t, "kept", "words to keep", "kept")
		s.Ready(t, id)
		before := db.Rows(t)
		for _, door := range doors {
			for _, headers := range [][]string{{"Content-Length", "0"}, {"Transfer-Encoding", "chunked"}, {"Content-Type", "application/json"}} {
				answer := send(t, s, door.method, door.path, "", headers...)
				require.Equal(t, http.StatusBadRequest, answer.status, answer.body)
				require.Contains(t, answer.refusal(t), "body is required")
			}
		}
		require.Equal(t, before, db.Rows(t))
	})
}

// A revoked key stops working at once, also on an open connection.
func TestRevokedKeyStopsAtOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		s := apptest.Start(t, db)
		key, token := s.NewKey(t, chat.DefaultWorkspace, auth.Read, auth.Write)
		bearer := []string{"Authorization", "Bearer " + token}
		first, second := s.Upload(t, "first", "one", "two"), s.Upload(t, "second", "three", "four")
		require.JSONEq(t, deletedAnswer(t, first), send(t, s, "DELETE", chats, deleteBody(t, first), bearer...).body)
		s.RevokeKey(t, key)
		refused := send(t, s, "DELETE", chats, deleteBody(t, second), bearer...)
		require.Equal(t, http.StatusUnauthorized, refused.status)
		require.Equal(t, "Bearer", refused.header.Get("WWW-Authenticate"))
		count, err := s.Client.Count(t.Context())
		require.NoError(t, err)
		require.Equal(t, 1, count)
	})
}
