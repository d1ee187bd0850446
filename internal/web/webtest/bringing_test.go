package webtest

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/app/apptest"
	"github.com/lethe-chat/lethe/internal/auth"
)

var bringing = []flow{
	{"bring in: dropped files", bringDropped},
	{"bring in: a dropped folder", bringFolder},
	{"bring in needs the scope", bringNeedsScope},
}

// drop drops files on the middle of the page.
func (p *tab) drop(files ...string) {
	p.t.Helper()
	data := &input.DragData{Items: []*input.DragDataItem{}, Files: files, DragOperationsMask: 1}
	drag := func(kind input.DispatchDragEventType) {
		p.do(call(input.DispatchDragEvent, input.DispatchDragEventParams{Type: kind, X: 640, Y: 400, Data: data}))
	}
	drag(input.DispatchDragEventTypeDragEnter)
	for range 100 { // the browser drops only what the page has accepted, and a busy page may miss a move
		drag(input.DispatchDragEventTypeDragOver)
		if eval[bool](p, "document.body.matches('.dropping')") {
			break
		}
	}
	drag(input.DispatchDragEventTypeDragOver)
	drag(input.DispatchDragEventTypeDrop)
	p.sees("!document.body.matches('.dropping')")
}

// choose gives files to the field of the view.
func (p *tab) choose(files ...string) {
	p.t.Helper()
	p.do(chromedp.SetUploadFiles(chromedp.CSS("#files"), files))
}

// exported writes a file with conversations in Lethe's own format, one a line.
func exported(t *testing.T, name string, lines ...any) string {
	t.Helper()
	var file bytes.Buffer
	for _, line := range lines {
		require.NoError(t, json.NewEncoder(&file).Encode(line))
	}
	path := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(path, file.Bytes(), 0o600))
	return path
}

func bringDropped(t *testing.T, b *browser) {
	s := service(t)
	file := exported(t, "history.jsonl",
		titled("a", "chatgpt", "The spare key", "Where is it?", "Under the flowerpot."),
		titled("b", "chatgpt", "Trip to Gotland", "When does the ferry leave?", "At seven."))
	broken := filepath.Join(t.TempDir(), "notes.txt")
	require.NoError(t, os.WriteFile(broken, []byte("This is no export.\n"), 0o600))
	p := b.open(t, s)
	p.signedIn(apptest.Key, "/")
	p.has(".list-note", "No chats yet")
	p.drop(file)
	p.has("lethe-bring .import", "history.jsonl")
	p.has("lethe-bring .import", "2 new")
	p.choose(file)
	p.has("lethe-bring .import", "2 unchanged")
	list, err := s.Client.List(t.Context(), clientOf("chatgpt"))
	require.NoError(t, err)
	_, err = s.Client.Delete(t.Context(), list.Items[0].ID)
	require.NoError(t, err)
	p.choose(file)
	p.has("lethe-bring .import", "1 left deleted")
	p.choose(broken)
	p.has("lethe-bring .import:has(.problem)", "notes.txt")
	dump, err := filepath.Abs("../../exports/chatgpt/testdata/single/dump.json")
	require.NoError(t, err)
	p.choose(dump)
	p.has("lethe-bring .import", "dump.json")
	p.has("lethe-bring .import:first-child .badge", "done")
	p.tabTo("lethe-bring summary")
	p.press(enter)
	p.has("lethe-bring .import:first-child details[open]", "dump.json · chatgpt · ")

	p.tabTo("lethe-bring .import .actions .link")
	p.press(enter)
	p.has(".chip", "One import")
	p.has(".row .title", "In both, newer")
	p.sees("!document.querySelector('.list-body').innerText.includes('spare key')")
}

// Every file of a dropped folder is sent, also those in folders below it.
func bringFolder(t *testing.T, b *browser) {
	s := service(t)
	folder := filepath.Join(t.TempDir(), "exports")
	for name, title := range map[string]string{"a.jsonl": "The spare key", "older/b.jsonl": "Trip to Gotland"} {
		path := filepath.Join(folder, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
		require.NoError(t, os.Rename(exported(t, "one.jsonl", titled(name, "chatgpt", title, "A question?", "An answer.")), path))
	}
	p := b.open(t, s)
	p.signedIn(apptest.Key, "/")
	p.has(".list-note", "No chats yet")
	p.drop(folder)
	p.has("lethe-bring .import", "exports/a.jsonl")
	p.has("lethe-bring .import", "exports/older/b.jsonl")
	stored(t, s, 2)
	p.look("bring-folder", "light", 1280)
}

func bringNeedsScope(t *testing.T, b *browser) {
	s := service(t)
	_, reader := s.NewKey(t, "default", auth.Read)
	p := b.open(t, s)
	p.signedIn(reader, "/?view=bring")
	p.has("lethe-bring", "This key can only read.")
	p.lacks(".drop")
	p.drop(exported(t, "history.jsonl", titled("a", "chatgpt", "The spare key", "Where is it?")))
	p.has("lethe-bring .imports", "None yet.")
	require.Zero(t, p.sent("POST", "import"))
}
