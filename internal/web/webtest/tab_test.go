package webtest

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	cdpbrowser "github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	cdplog "github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	cdppage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/app/apptest"
)

// pollEvery is how often a condition in the page is asked.
const pollEvery = 20 * time.Millisecond

// patience is the longest that a test waits for anything in the page.
const patience = apptest.Patience

// watcher runs in every document before its own scripts. It reports what the
// Content-Security-Policy refused and promises that failed without anybody noticing.
const watcher = `
addEventListener('securitypolicyviolation', (e) => report('CSP ' + e.effectiveDirective + ' ' + e.blockedURI + ' ' + e.sample))
addEventListener('unhandledrejection', (e) => report('unhandled ' + (e.reason?.stack || e.reason)))
`

// tab is the page in one tab of the browser. What goes wrong in the page (an exception, a
// report of the policy, a request to another host) fails the test when it ends.
type tab struct {
	t         testing.TB
	b         *browser
	ctx       context.Context //nolint:containedctx // chromedp finds its tab in the context
	address   string          // of the service
	downloads string          // the folder of files that the page saves

	mu       sync.Mutex
	faults   []string
	requests []string // method and address, in order
}

// open opens an empty tab with storage of its own. Width and height are those of a laptop.
func (b *browser) open(t testing.TB, s *apptest.Service) *tab {
	t.Helper()
	return b.tab(b.ctx, t, s, chromedp.WithNewBrowserContext())
}

// beside opens another tab with the same storage.
func (p *tab) beside(s *apptest.Service) *tab {
	p.t.Helper()
	return p.b.tab(p.ctx, p.t, s)
}

func (b *browser) tab(parent context.Context, t testing.TB, s *apptest.Service, opts ...chromedp.ContextOption) *tab {
	t.Helper()
	p := &tab{t: t, b: b, address: s.URL, downloads: t.TempDir()}
	opts = append(opts, chromedp.WithListener(p.hear))
	ctx, cancel := chromedp.NewContext(parent, opts...)
	p.ctx = ctx
	t.Cleanup(cancel)
	t.Cleanup(p.check)
	require.NoError(t, chromedp.Do(ctx)) // the tab lives as long as the context of its first action
	p.do(
		call(runtime.AddBinding, runtime.AddBindingParams{Name: "report"}),
		call(cdppage.AddScriptToEvaluateOnNewDocument, cdppage.AddScriptToEvaluateOnNewDocumentParams{Source: watcher}),
		call(emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: true}),
		call(network.Enable, network.EnableParams{}),
		call(cdplog.Enable, cdp.Empty{}),
	)
	id := chromedp.FromContext(ctx).BrowserContextID
	_, err := chromedp.CallBrowser(ctx, cdpbrowser.SetDownloadBehavior, cdpbrowser.SetDownloadBehaviorParams{
		Behavior: cdpbrowser.SetDownloadBehaviorBehaviorAllow, BrowserContextID: id, DownloadPath: p.downloads,
	})
	require.NoError(t, err)
	p.size(1280, 800)
	return p
}

// hear records what happens in the page.
func (p *tab) hear(event any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch e := event.(type) {
	case *runtime.EventBindingCalled:
		p.faults = append(p.faults, e.Payload)
	case *runtime.EventExceptionThrown:
		p.faults = append(p.faults, "exception "+e.ExceptionDetails.Text+" "+describe(e.ExceptionDetails.Exception))
	case *cdplog.EventEntryAdded:
		if e.Entry.Level == "error" && e.Entry.Source != "network" { // refused requests are part of some tests
			p.faults = append(p.faults, "log "+e.Entry.Text)
		}
	case *network.EventRequestWillBeSent:
		p.requests = append(p.requests, e.Request.Method+" "+e.Request.URL)
		// The browser draws its own icons, such as that of a field for a date, from data.
		if !strings.HasPrefix(e.Request.URL, p.address+"/") && !strings.HasPrefix(e.Request.URL, "blob:"+p.address) && !strings.HasPrefix(e.Request.URL, "data:") {
			p.faults = append(p.faults, "request to another host: "+e.Request.URL)
		}
	}
}

func describe(o *runtime.RemoteObject) string {
	if o == nil {
		return ""
	}
	return o.Description
}

// check fails the test if something went wrong in the page.
func (p *tab) check() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.faults) > 0 {
		p.t.Errorf("in the page: %s", strings.Join(p.faults, "\n"))
	}
}

// call makes an action of a command of the DevTools protocol.
func call[P, R any](command cdp.Command[P, R], params P) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, command, params)
		return err
	})
}

// do runs actions that return nothing.
func (p *tab) do(actions ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	require.NoError(p.t, chromedp.Do(ctx, actions...))
}

// eval returns the value of an expression in the page. A promise is awaited.
func eval[T any](p *tab, expression string) T {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	value, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	require.NoError(p.t, err, expression)
	return value
}

// sees waits until an expression in the page is true.
func (p *tab) sees(condition string) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	ticker := time.NewTicker(pollEvery)
	defer ticker.Stop()
	for {
		ok, err := chromedp.Run(ctx, chromedp.Evaluate[bool]("Boolean("+condition+")"))
		if ok && err == nil {
			return
		}
		select {
		case <-ctx.Done():
			require.Fail(p.t, "the page does not show it in time", "%s (%v)\n%s", condition, err, p.text())
		case <-ticker.C:
		}
	}
}

// text is what the page shows, for failed tests.
func (p *tab) text() string {
	ctx, cancel := context.WithTimeout(p.ctx, pollEvery*50)
	defer cancel()
	text, err := chromedp.Run(ctx, chromedp.Evaluate[string]("location.href + '\\n' + document.body.innerText.slice(0, 500)"))
	if err != nil {
		return err.Error()
	}
	return text
}

// has waits until an element that matches the selector contains the text.
func (p *tab) has(selector, text string) {
	p.t.Helper()
	p.sees(fmt.Sprintf("[...document.querySelectorAll(%s)].some((e) => e.checkVisibility() && e.textContent.includes(%s))", quote(selector), quote(text)))
}

// lacks waits until no visible element matches the selector.
func (p *tab) lacks(selector string) {
	p.t.Helper()
	p.sees(fmt.Sprintf("![...document.querySelectorAll(%s)].some((e) => e.checkVisibility())", quote(selector)))
}

// quote makes a string of JavaScript.
func quote(text string) string {
	encoded, err := json.Marshal(text)
	if err != nil {
		panic(err) // a string can always be written
	}
	return string(encoded)
}

// press presses keys, one after the other, as a keyboard does: to what has the focus.
func (p *tab) press(keys string) { p.t.Helper(); p.pressWith(chromedp.ModifierNone, keys) }

// pressWith presses keys while a modifier is held. The text belongs to the event of the key,
// so a page that handles the key is not sent the text as well.
func (p *tab) pressWith(modifier chromedp.Modifier, keys string) {
	p.t.Helper()
	for _, r := range keys {
		events := kb.Encode(r)
		pressed, released := *events[0], *events[len(events)-1]
		pressed.Type = input.DispatchKeyEventTypeRawKeyDown
		if len(events) == 3 && modifier&(chromedp.ModifierCtrl|chromedp.ModifierMeta) == 0 {
			pressed.Type, pressed.Text = input.DispatchKeyEventTypeKeyDown, events[1].Text
		}
		pressed.Modifiers |= int64(modifier)
		released.Modifiers |= int64(modifier)
		p.do(call(input.DispatchKeyEvent, pressed), call(input.DispatchKeyEvent, released))
	}
}

// tabTo presses Tab until an element that matches the selector has the focus.
func (p *tab) tabTo(selector string) {
	p.t.Helper()
	var passed []string
	for range 60 {
		passed = append(passed, eval[string](p, "(document.activeElement?.outerHTML ?? '').slice(0, 60)"))
		if eval[bool](p, fmt.Sprintf("document.activeElement?.matches(%s) ?? false", quote(selector))) {
			return
		}
		p.press("\t")
	}
	require.Fail(p.t, "the keyboard does not reach it", "%s\n%s\n%s", selector, p.text(), strings.Join(passed, "\n"))
}

// goTo loads an address below the service's.
func (p *tab) goTo(path string) {
	p.t.Helper()
	p.do(chromedp.Navigate(p.address + path))
}

// signedIn loads an address with a key in the tab's storage.
func (p *tab) signedIn(key, path string) {
	p.t.Helper()
	p.goTo("/page/icon.svg")
	eval[any](p, "sessionStorage.setItem('lethe.key', "+quote(key)+")")
	p.goTo(path)
}

// size sets the size of the window.
func (p *tab) size(width, height int64) {
	p.t.Helper()
	p.do(chromedp.EmulateViewport(width, height))
}

// sent counts the requests of a method whose address contains the text.
func (p *tab) sent(method, text string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := 0
	for _, r := range p.requests {
		if strings.HasPrefix(r, method+" ") && strings.Contains(r, text) {
			n++
		}
	}
	return n
}

// scheme sets what the system prefers: light or dark.
func (p *tab) scheme(scheme string) {
	p.t.Helper()
	p.do(call(emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}}))
}
