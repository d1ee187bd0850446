package client_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/lethe-chat/lethe/pkg/api"
	"github.com/lethe-chat/lethe/pkg/client"
)

// A conversation is uploaded, found when it is indexed, and deleted.
func Example() {
	address, key := demo()
	ctx := context.Background()
	lethe, err := client.New(address, key)
	if err != nil {
		panic(err)
	}

	up, err := lethe.Upload(ctx, api.UploadRequest{Conversation: api.UploadedChat{
		ID:    "trip-1",
		Title: new("Three days in Lisbon"),
		Messages: []api.UploadedMessage{
			{Role: "human", Content: "Plan three days in Lisbon without a car."},
			{Role: "assistant", Content: "Day one: Alfama on foot, then tram 28."},
		},
	}})
	if err != nil {
		panic(err)
	}
	done, err := lethe.AwaitImport(ctx, up.ImportID)
	if err != nil {
		panic(err)
	}
	fmt.Println(done.Status)

	found, err := lethe.Search(ctx, api.SearchRequest{Query: "which tram", Limit: new(5)})
	if err != nil {
		panic(err)
	}
	for _, r := range found.Results {
		fmt.Printf("%s: %s\n", r.Title, r.Text)
	}

	gone, err := lethe.Delete(ctx, up.ConversationID)
	if err != nil {
		panic(err)
	}
	fmt.Println(gone.Count, "deleted")
	// Output:
	// ready
	// Three days in Lisbon: Day one: Alfama on foot, then tram 28.
	// 1 deleted
}

// Every conversation of one platform, however many pages that takes.
func ExampleClient_All() {
	address, key := demo()
	lethe, err := client.New(address, key)
	if err != nil {
		panic(err)
	}
	for c, err := range lethe.All(context.Background(), client.ListOptions{Provider: "custom"}) {
		if err != nil {
			panic(err)
		}
		fmt.Println(c.CreatedAt, c.Title)
	}
	// Output:
	// 2026-03-01T09:30:00.000Z Three days in Lisbon
}

// A digest to put into a prompt.
func ExampleClient_Recall() {
	address, key := demo()
	lethe, err := client.New(address, key)
	if err != nil {
		panic(err)
	}
	digest, err := lethe.Recall(context.Background(), api.RecallRequest{Query: new("the Lisbon trip"), MaxTokens: new(300)})
	if err != nil {
		panic(err)
	}
	fmt.Println(digest.Content)
	// Output:
	// [1] 2026-03-01: Day one: Alfama on foot, then tram 28.
}

// Everything older than a month that came from one platform is deleted, page by
// page: a cursor stays good when its conversation is deleted.
func ExampleClient_ListPublic() {
	address, key := demo()
	ctx := context.Background()
	lethe, err := client.New(address, key)
	if err != nil {
		panic(err)
	}
	old := client.PublicListOptions{
		Since: time.Now().AddDate(0, 0, -90), Until: time.Now().AddDate(0, -1, 0), Limit: 50, Sources: []string{"widget"},
	}
	for {
		page, err := lethe.ListPublic(ctx, old)
		if err != nil {
			panic(err)
		}
		var ids []string
		for _, c := range page.Conversations {
			ids = append(ids, c.ID)
		}
		if len(ids) > 0 {
			if err := lethe.DeletePublicBulk(ctx, ids...); err != nil {
				panic(err)
			}
			fmt.Println(len(ids), "deleted")
		}
		if page.NextCursor == nil {
			break
		}
		old.Cursor = *page.NextCursor
	}
	// Output:
	// 1 deleted
}

// Every conversation of the last week with its messages, however many pages that
// takes.
func ExampleClient_AllPublic() {
	address, key := demo()
	lethe, err := client.New(address, key)
	if err != nil {
		panic(err)
	}
	for c, err := range lethe.AllPublic(context.Background(), client.PublicListOptions{}) {
		if err != nil {
			panic(err)
		}
		fmt.Println(c.SubjectPreview, len(c.Events))
	}
	// Output:
	// Three days in Lisbon 2
}

func ExampleClient_GetPublic() {
	address, key := demo()
	lethe, err := client.New(address, key)
	if err != nil {
		panic(err)
	}
	c, err := lethe.GetPublic(context.Background(), "0197b3a0-2b1c-7d44-8a55-0e4c9a2d1f10")
	if err != nil {
		panic(err)
	}
	for _, e := range c.Events {
		fmt.Printf("%s: %s\n", e.Role, e.Message)
	}
	// Output:
	// user: Plan three days in Lisbon without a car.
	// finibot: Day one: Alfama on foot, then tram 28.
}

func ExampleClient_DeletePublic() {
	address, key := demo()
	lethe, err := client.New(address, key)
	if err != nil {
		panic(err)
	}
	// Whether there was one or not: afterwards there is none.
	fmt.Println(lethe.DeletePublic(context.Background(), "0197b3a0-2b1c-7d44-8a55-0e4c9a2d1f10"))
	// Output:
	// <nil>
}

// Of an atomic delete, all ids are there or nothing happens.
func ExampleClient_DeletePublicAtomic() {
	address, key := demo()
	lethe, err := client.New(address, key)
	if err != nil {
		panic(err)
	}
	err = lethe.DeletePublicAtomic(context.Background(),
		"0197b3a0-2b1c-7d44-8a55-0e4c9a2d1f10", "0197b3a0-3c2d-7e55-9b66-1f5d0b3e2a21")
	var refused *client.Error
	if errors.As(err, &refused) {
		fmt.Println(refused.Status, refused.Message)
		fmt.Println(len(refused.Deleted), "deleted; not there:", refused.NotAccessible)
	}
	// Output:
	// 406 One or more interactions not accessible to the user
	// 0 deleted; not there: [0197b3a0-3c2d-7e55-9b66-1f5d0b3e2a21]
}

// What the service refuses comes back as a *client.Error.
func ExampleError() {
	address, key := demo()
	lethe, err := client.New(address, key)
	if err != nil {
		panic(err)
	}
	_, err = lethe.Get(context.Background(), "no-such-id")
	var refused *client.Error
	if errors.As(err, &refused) {
		fmt.Println(refused.Status, refused.Message)
	}
	fmt.Println(client.IsNotFound(err))
	// Output:
	// 404 Conversation not found
	// true
}

// demo stands in for a service, so that the examples run anywhere. It lives as
// long as the process.
func demo() (address, key string) {
	const public = `{"id":"0197b3a0-2b1c-7d44-8a55-0e4c9a2d1f10","subjectPreview":"Three days in Lisbon","events":[
		{"role":"user","message":"Plan three days in Lisbon without a car."},{"role":"finibot","message":"Day one: Alfama on foot, then tram 28."}]}`
	answers := map[string]string{
		"POST /api/chat-history/ingest/custom-online":                            `{"queued":true,"importId":"i","conversationId":"c","platform":"custom","conversation":{"id":"c","status":"queued"}}`,
		"GET /api/chat-history/imports/i":                                        `{"id":"i","status":"ready","error":null}`,
		"POST /api/chat-history/search":                                          `{"results":[{"title":"Three days in Lisbon","text":"Day one: Alfama on foot, then tram 28."}]}`,
		"POST /api/chat-history/inject":                                          `{"content":"[1] 2026-03-01: Day one: Alfama on foot, then tram 28."}`,
		"DELETE /api/chat-history/chats":                                         `{"deleted":["c"],"count":1}`,
		"GET /v2/hc-interactions/public":                                         `{"conversations":[` + public + `],"hasMore":false,"nextCursor":null,"prevCursor":null}`,
		"DELETE /v2/hc-interactions/public":                                      `{"success":true}`,
		"GET /v2/hc-interactions/0197b3a0-2b1c-7d44-8a55-0e4c9a2d1f10/public":    public,
		"DELETE /v2/hc-interactions/0197b3a0-2b1c-7d44-8a55-0e4c9a2d1f10/public": `{"success":true}`,
		"GET /api/chat-history/chats":                                            `{"items":[{"title":"Three days in Lisbon","createdAt":"2026-03-01T09:30:00.000Z"}],"page":1,"totalPages":1}`,
	}
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer, ok := answers[r.Method+" "+r.URL.Path]
		switch {
		case r.URL.Query().Get("atomic") == "true":
			w.WriteHeader(http.StatusNotAcceptable)
			answer = `{"statusCode":406,"message":"One or more interactions not accessible to the user","error":"Not Acceptable",
				"deleted":[],"notAccessible":["0197b3a0-3c2d-7e55-9b66-1f5d0b3e2a21"]}`
		case !ok:
			w.WriteHeader(http.StatusNotFound)
			answer = `{"error":"Conversation not found"}`
		}
		_, _ = io.WriteString(w, answer)
	}))
	return web.URL, "lethe_demo_key"
}
