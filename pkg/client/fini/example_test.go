package fini_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/lethe-chat/lethe/pkg/client"
	"github.com/lethe-chat/lethe/pkg/client/fini"
)

// Delete everything from one platform that is older than a month, page by page. A cursor
// stays valid after its conversation is deleted.
func ExampleClient_List() {
	ctx := context.Background()
	lethe := demo()
	old := fini.ListOptions{
		Since: time.Now().AddDate(0, 0, -90), Until: time.Now().AddDate(0, -1, 0), Limit: 50, Sources: []string{"widget"},
	}
	for {
		page, err := lethe.List(ctx, old)
		if err != nil {
			panic(err)
		}
		var ids []string
		for _, c := range page.Conversations {
			ids = append(ids, c.ID)
		}
		if len(ids) > 0 {
			if err := lethe.DeleteBulk(ctx, ids...); err != nil {
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

// All conversations of the last week with their messages, over all pages.
func ExampleClient_All() {
	lethe := demo()
	for c, err := range lethe.All(context.Background(), fini.ListOptions{}) {
		if err != nil {
			panic(err)
		}
		fmt.Println(c.SubjectPreview, len(c.Events))
	}
	// Output:
	// Three days in Lisbon 2
}

func ExampleClient_Get() {
	lethe := demo()
	c, err := lethe.Get(context.Background(), "0197b3a0-2b1c-7d44-8a55-0e4c9a2d1f10")
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

func ExampleClient_Delete() {
	lethe := demo()
	// It succeeds whether the conversation exists or not.
	fmt.Println(lethe.Delete(context.Background(), "0197b3a0-2b1c-7d44-8a55-0e4c9a2d1f10"))
	// Output:
	// <nil>
}

// An atomic delete deletes nothing unless all ids exist.
func ExampleClient_DeleteAtomic() {
	lethe := demo()
	err := lethe.DeleteAtomic(context.Background(),
		"0197b3a0-2b1c-7d44-8a55-0e4c9a2d1f10", "0197b3a0-3c2d-7e55-9b66-1f5d0b3e2a21")
	var refused *client.Error
	if errors.As(err, &refused) {
		fmt.Println(refused.Status, refused.Message)
		fmt.Println(len(refused.Deleted), "deleted; do not exist:", refused.NotAccessible)
	}
	// Output:
	// 406 One or more interactions not accessible to the user
	// 0 deleted; do not exist: [0197b3a0-3c2d-7e55-9b66-1f5d0b3e2a21]
}

// demo starts a server in place of a service, so that the examples run anywhere. It runs
// until the process ends.
func demo() *fini.Client {
	const public = `{"id":"0197b3a0-2b1c-7d44-8a55-0e4c9a2d1f10","subjectPreview":"Three days in Lisbon","events":[
		{"role":"user","message":"Plan three days in Lisbon without a car."},{"role":"finibot","message":"Day one: Alfama on foot, then tram 28."}]}`
	answers := map[string]string{
		"GET /v2/hc-interactions/public":                                         `{"conversations":[` + public + `],"hasMore":false,"nextCursor":null,"prevCursor":null}`,
		"DELETE /v2/hc-interactions/public":                                      `{"success":true}`,
		"GET /v2/hc-interactions/0197b3a0-2b1c-7d44-8a55-0e4c9a2d1f10/public":    public,
		"DELETE /v2/hc-interactions/0197b3a0-2b1c-7d44-8a55-0e4c9a2d1f10/public": `{"success":true}`,
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
			answer = `{"statusCode":404,"message":"Conversation not found","error":"Not Found"}`
		}
		_, _ = io.WriteString(w, answer)
	}))
	c, err := client.New(web.URL, "lethe_demo_key")
	if err != nil {
		panic(err)
	}
	return fini.New(c)
}
