package app_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/app/apptest"
	"github.com/lethe-chat/lethe/internal/auth"
	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/store"
	"github.com/lethe-chat/lethe/internal/store/storetest"
	"github.com/lethe-chat/lethe/pkg/client"
)

// example is a request that the documentation of one of the two APIs shows, as it is
// sent, and the expected answer. URL, HOST, KEY and LENGTH are replaced during the test.
type example struct {
	Name   string
	Stored []string        // the conversations that are stored before
	Key    string          // writer, reader or none
	HTTP   []string        // the request line and the headers
	Body   string          // the request body
	Curl   []string        // the same request as arguments of curl, if the documentation has them
	Status int             //
	Answer json.RawMessage // the ids of its messages are ID
	Left   []string        // the conversations that are stored afterwards
}

func examples(t *testing.T) (all []example) {
	t.Helper()
	data, err := os.ReadFile("testdata/examples.json")
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(data, &all))
	return all
}

// The documentation's examples, byte for byte and with its ids, have the documented
// results: sent over a connection, and by curl if it is installed.
func TestThePagesOwnExamples(t *testing.T) {
	curl, _ := exec.LookPath("curl")
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		s := apptest.Start(t, db)
		_, reader := s.NewKey(t, chat.DefaultWorkspace, auth.Read)
		keys := map[string]string{"writer": apptest.Key, "reader": reader, "none": "fini_your_api_key"}
		direct := db.Open(t)
		for _, x := range examples(t) {
			run := func(name string, send func(t *testing.T, url, key string, x example) (status int, body []byte)) {
				t.Run(x.Name+"/"+name, func(t *testing.T) {
					keepOnly(t, s, direct, x.Stored)
					status, body := send(t, s.URL, keys[x.Key], x)
					require.Equal(t, x.Status, status, "%s", body)
					require.JSONEq(t, string(x.Answer), string(withoutMessageIDs(t, body)))
					require.ElementsMatch(t, x.Left, stored(t, s))
					for _, id := range x.Stored {
						if !slices.Contains(x.Left, id) {
							for table, n := range db.RowsOf(t, id) {
								require.Zero(t, n, table)
							}
						}
					}
				})
			}
			run("as bytes", sendBytes)
			if curl != "" && x.Curl != nil {
				run("by curl", func(t *testing.T, url, key string, x example) (int, []byte) { return sendCurl(t, curl, url, key, x) })
			}
		}
	})
}

// sendBytes writes the request to a new connection.
func sendBytes(t *testing.T, url, key string, x example) (status int, body []byte) {
	t.Helper()
	host := strings.TrimPrefix(url, "http://")
	head := strings.NewReplacer("HOST", host, "KEY", key, "LENGTH", strconv.Itoa(len(x.Body))).Replace(strings.Join(x.HTTP, "\r\n"))
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", host)
	require.NoError(t, err)
	defer conn.Close()
	require.NoError(t, conn.SetDeadline(time.Now().Add(apptest.Patience)))
	_, err = io.WriteString(conn, head+"\r\n\r\n"+x.Body)
	require.NoError(t, err)
	method, _, _ := strings.Cut(head, " ")
	request, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	require.NoError(t, err)
	resp, err := http.ReadResponse(bufio.NewReader(conn), request)
	require.NoError(t, err)
	defer resp.Body.Close()
	body, err = io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, body
}

// sendCurl runs curl with the documented arguments, and makes it print the status too.
func sendCurl(t *testing.T, curl, url, key string, x example) (status int, body []byte) {
	t.Helper()
	args := []string{"--disable", "--silent", "--show-error", "--noproxy", "*", "--write-out", "\n%{http_code}"}
	for _, arg := range x.Curl {
		args = append(args, strings.NewReplacer("URL", url, "KEY", key).Replace(arg))
	}
	out, err := exec.CommandContext(t.Context(), curl, args...).Output()
	require.NoError(t, err)
	end := bytes.LastIndexByte(out, '\n')
	status, err = strconv.Atoi(string(out[end+1:]))
	require.NoError(t, err)
	return status, out[:end]
}

// keepOnly makes these the only stored conversations. It writes to the store, because the
// service would assign other ids.
func keepOnly(t *testing.T, s *apptest.Service, direct *store.Store, ids []string) {
	t.Helper()
	if there := stored(t, s); len(there) > 0 {
		_, err := s.Client.Delete(t.Context(), there...)
		require.NoError(t, err)
	}
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	require.NoError(t, direct.InTx(t.Context(), func(tx *store.Tx) error {
		ws, err := tx.EnsureWorkspace(chat.DefaultWorkspace)
		if err != nil {
			return err
		}
		for _, id := range ids {
			u, err := chat.Upload{Platform: "widget", ExternalID: id, Messages: []chat.UploadMessage{
				{Role: "human", Text: "How do I cancel my plan?", CreatedAt: at},
				{Role: "assistant", Text: "In the billing settings.", CreatedAt: at.Add(5 * time.Second)},
			}}.Validate(at)
			require.NoError(t, err)
			fresh := chat.NewTranscript(u)
			fresh.ID, fresh.ImportID = chat.ConversationID(id), chat.NewID()
			if _, err := tx.CreateConversation(ws, fresh); err != nil {
				return err
			}
		}
		return nil
	}))
}

func stored(t *testing.T, s *apptest.Service) (ids []string) {
	t.Helper()
	for c, err := range s.Client.All(t.Context(), client.ListOptions{}) {
		require.NoError(t, err)
		ids = append(ids, c.ID)
	}
	return ids
}

// withoutMessageIDs replaces the random ids of messages in an answer by ID.
func withoutMessageIDs(t *testing.T, body []byte) []byte {
	t.Helper()
	var answer any
	require.NoError(t, json.Unmarshal(body, &answer), "%s", body)
	var each func(node any)
	each = func(node any) {
		switch node := node.(type) {
		case map[string]any:
			if node["type"] == "message" {
				require.Regexp(t, `^[0-9a-f-]{36}$`, node["id"])
				node["id"] = "ID"
			}
			for _, child := range node {
				each(child)
			}
		case []any:
			for _, child := range node {
				each(child)
			}
		}
	}
	each(answer)
	out, err := json.Marshal(answer)
	require.NoError(t, err)
	return out
}
