package webtest

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/auth"
)

// site is the page of a chat service that the extension's content script runs in. Its policy
// forbids nearly everything, and it has another origin than Lethe and the extension.
const (
	site       = "https://chatgpt.com/c/1"
	sitePolicy = "default-src 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
	sitePage   = `<!doctype html><title>Pears</title><p id="said">Roquefort goes with pears.</p>`
)

// extended is a browser with the extension of examples/extension.
type extended struct {
	*browser
	t    *testing.T
	root string // chrome-extension://<id>
}

// TestExtension drives examples/extension as a person does.
func TestExtension(t *testing.T) {
	t.Parallel()
	program, err := chosen(os.LookupEnv)
	require.NoError(t, err)
	if program == "" {
		t.Logf("%s is not set: `make test` sets it", variable)
		return
	}
	for name, flow := range map[string]func(t *testing.T, e *extended){
		"save, search and delete":    saveSearchDelete,
		"the worker ends too early":  workerEnds,
		"Lethe is away, and refuses": letheIsAway,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			flow(t, extend(t, program))
		})
	}
}

// extend starts a browser with the extension. The name of the chat service leads to a server
// of the test, whose certificate nobody signed.
func extend(t *testing.T, program string) *extended {
	t.Helper()
	web := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Security-Policy", sitePolicy)
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write([]byte(sitePage))
	}))
	t.Cleanup(web.Close)
	folder, err := filepath.Abs("../../../examples/extension")
	require.NoError(t, err)
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(program), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("headless", "new"), chromedp.Flag("disable-extensions", false),
		chromedp.Flag("load-extension", folder), chromedp.Flag("disable-extensions-except", folder),
		chromedp.Flag("disable-features", "DisableLoadExtensionCommandLineSwitch"),
		chromedp.Flag("ignore-certificate-errors", true),
		chromedp.Flag("host-resolver-rules", "MAP chatgpt.com "+web.Listener.Addr().String()),
		chromedp.UserDataDir(t.TempDir()))
	allocator, stop := chromedp.NewExecAllocator(context.WithoutCancel(t.Context()), options...)
	t.Cleanup(stop)
	ctx, cancel := chromedp.NewContext(allocator, chromedp.WithErrorf(func(string, ...any) {}))
	t.Cleanup(cancel)
	require.NoError(t, chromedp.Do(ctx), "the browser does not start")
	e := &extended{browser: &browser{ctx: ctx}, t: t}
	worker := e.worker()
	e.root = strings.TrimSuffix(worker.URL, "/worker.js")
	return e
}

// worker waits for the extension's service worker.
func (e *extended) worker() (found *target.Info) {
	e.t.Helper()
	require.Eventually(e.t, func() bool {
		all, err := chromedp.Targets(e.ctx)
		for _, one := range all {
			if err == nil && one.Type == "service_worker" && strings.HasSuffix(one.URL, "/worker.js") {
				found = one
			}
		}
		return found != nil
	}, patience, pollEvery, "the extension is not loaded")
	return found
}

// visit opens an address in a new tab.
func (e *extended) visit(address string) *tab {
	e.t.Helper()
	ctx, cancel := chromedp.NewContext(e.ctx)
	e.t.Cleanup(cancel)
	p := &tab{t: e.t, b: e.browser, ctx: ctx, address: address}
	require.NoError(e.t, chromedp.Do(ctx)) // the tab lives as long as the context of its first action
	p.do(chromedp.Navigate(address))
	return p
}

// popup opens the popup, as a page.
func (e *extended) popup() *tab {
	e.t.Helper()
	return e.visit(e.root + "/popup.html")
}

// set gives the extension its settings through the popup.
func (e *extended) set(address, key string) *tab {
	e.t.Helper()
	p := e.popup()
	p.has("#status", "Paste an API key")
	p.sees("document.querySelector('#settings').open")
	eval[any](p, fmt.Sprintf(`(() => {
		const form = document.querySelector('#settings form')
		form.address.value = %s; form.key.value = %s; form.requestSubmit()
	})()`, quote(address+"/"), quote(key)))
	return p
}

// inPage selects the text of the site's page, and presses a button of the extension's bar.
func inPage(p *tab, button string) {
	p.t.Helper()
	p.sees("document.querySelector('#lethe-example')")
	eval[any](p, "getSelection().selectAllChildren(document.querySelector('#said'))")
	p.sees("document.querySelector('#lethe-example').checkVisibility()")
	eval[any](p, "document.querySelector('#lethe-example').shadowRoot.querySelector('[name="+button+"]').click()")
}

// tells waits until the extension's bar shows a text.
func tells(p *tab, text string) {
	p.t.Helper()
	p.sees("document.querySelector('#lethe-example').shadowRoot.querySelector('p').textContent.includes(" + quote(text) + ")")
}

func saveSearchDelete(t *testing.T, e *extended) {
	s := service(t)
	_, key := s.NewKey(t, "default", auth.Read, auth.Write)
	popup := e.set(s.URL, key)
	popup.has("#status", "0 chats")

	page := e.visit(site)
	inPage(page, "search")
	tells(page, "Nothing about this")
	inPage(page, "save")
	tells(page, "Saved in Lethe.")
	s.Idle(t)
	inPage(page, "search")
	tells(page, "Roquefort goes with pears.")

	popup = e.popup()
	popup.has("#chats strong", "Pears")
	eval[any](popup, `(() => {
		const form = document.querySelector('#find')
		form.query.value = 'roquefort'; form.requestSubmit()
	})()`)
	popup.has("#chats small", "Roquefort goes with pears.")
	for _, answer := range []string{"cancel", "delete"} {
		eval[any](popup, "document.querySelector('#chats button').click()")
		popup.has("#question", "Delete “Pears” for good")
		count, err := s.Client.Count(t.Context())
		require.NoError(t, err)
		require.Equal(t, 1, count, "it asks first")
		eval[any](popup, "document.querySelector('dialog [value="+answer+"]').click()")
		popup.lacks("dialog")
	}
	popup.has("#status", "Deleted.")
	count, err := s.Client.Count(t.Context())
	require.NoError(t, err)
	require.Zero(t, count)
}

// The browser may end the worker while it uploads: before Lethe has the chat, or before the
// worker has the answer. The next worker sends the chat, and Lethe has it once.
func workerEnds(t *testing.T, e *extended) {
	s := service(t)
	_, key := s.NewKey(t, "default", auth.Read, auth.Write)
	service, err := url.Parse(s.URL)
	require.NoError(t, err)
	proxy := httputil.NewSingleHostReverseProxy(service)
	const pass, before, after = 0, 1, 2 // Lethe has the upload
	var hold atomic.Int32
	arrived, release := make(chan struct{}), make(chan struct{})
	between := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		when := int32(pass)
		if r.Method == http.MethodPost && strings.Contains(r.URL.Path, "/ingest/") {
			when = hold.Swap(pass)
		}
		if when == pass {
			proxy.ServeHTTP(w, r)
			return
		}
		if when == after {
			proxy.ServeHTTP(httptest.NewRecorder(), r)
		}
		arrived <- struct{}{}
		<-release
	}))
	t.Cleanup(between.Close)
	t.Cleanup(func() { close(release) }) // before the server waits for its requests

	popup := e.set(between.URL, key)
	popup.has("#status", "0 chats")
	page := e.visit(site)
	for i, when := range []int32{before, after} {
		hold.Store(when)
		inPage(page, "save")
		<-arrived
		_, err := chromedp.CallBrowser(e.ctx, target.CloseTarget, target.CloseTargetParams{TargetID: e.worker().TargetID})
		require.NoError(t, err)
		inPage(page, "search") // wakes a worker, which sends what it finds in the outbox
		require.Eventually(t, func() bool {
			return eval[int](popup, "chrome.storage.local.get(null).then((all) => Object.keys(all).filter((k) => k.startsWith('outbox:')).length)") == 0
		}, patience, pollEvery, "the next worker sends it")
		count, err := s.Client.Count(t.Context())
		require.NoError(t, err)
		require.Equal(t, i+1, count, "each once")
	}
}

// Errors are sentences, in the popup and in the page, and nothing is lost.
func letheIsAway(t *testing.T, e *extended) {
	s := service(t)
	made, key := s.NewKey(t, "default", auth.Read, auth.Write)
	free, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	nobody := "http://" + free.Addr().String()
	require.NoError(t, free.Close())

	popup := e.set(nobody, key)
	popup.has("#status.problem", "Lethe does not answer at "+nobody+". Is it running?")
	page := e.visit(site)
	inPage(page, "save")
	tells(page, "Is it running? The selection is kept and sent later.")

	again := func(address string) {
		eval[any](popup, "chrome.storage.local.set({ address: "+quote(address)+" })")
		popup.do(chromedp.Reload())
	}
	again(s.URL)
	popup.has("#status", "0 chats")
	inPage(page, "save")
	tells(page, "Saved in Lethe.")
	again(s.URL)
	popup.has("#status", "2 chats")

	s.RevokeKey(t, made)
	again(s.URL)
	popup.has("#status.problem", "Invalid or revoked API key")
	inPage(page, "search")
	tells(page, "Invalid or revoked API key")
}
