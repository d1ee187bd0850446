package client_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"

	"github.com/lethe-chat/lethe/pkg/api"
	"github.com/lethe-chat/lethe/pkg/client"
)

// Upload a conversation, wait until it is indexed, find it, and delete it.
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

	answer, err := lethe.Delete(ctx, up.ConversationID)
	if err != nil {
		panic(err)
	}
	fmt.Println(answer.Count, "deleted")
	// Output:
	// ready
	// Three days in Lisbon: Day one: Alfama on foot, then tram 28.
	// 1 deleted
}

// All conversations of one platform, over all pages.
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

// A digest for a prompt.
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

// If the service refuses a call, the error is a *client.Error.
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

// demo starts a server in place of a service, so that the examples run anywhere. It runs
// until the process ends.
func demo() (address, key string) {
	answers := map[string]string{
		"POST /api/chat-history/ingest/custom-online": `{"queued":true,"importId":"i","conversationId":"c","platform":"custom","conversation":{"id":"c","status":"queued"}}`,
		"GET /api/chat-history/imports/i":             `{"id":"i","status":"ready","error":null}`,
		"POST /api/chat-history/search":               `{"results":[{"title":"Three days in Lisbon","text":"Day one: Alfama on foot, then tram 28."}]}`,
		"POST /api/chat-history/inject":               `{"content":"[1] 2026-03-01: Day one: Alfama on foot, then tram 28."}`,
		"DELETE /api/chat-history/chats":              `{"deleted":["c"],"count":1}`,
		"GET /api/chat-history/chats":                 `{"items":[{"title":"Three days in Lisbon","createdAt":"2026-03-01T09:30:00.000Z"}],"page":1,"totalPages":1}`,
	}
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer, ok := answers[r.Method+" "+r.URL.Path]
		if !ok {
			w.WriteHeader(http.StatusNotFound)
			answer = `{"error":"Conversation not found"}`
		}
		_, _ = io.WriteString(w, answer)
	}))
	return web.URL, "lethe_demo_key"
}
