package webtest

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/heapprofiler"
	cdppage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/app/apptest"
	"github.com/lethe-chat/lethe/internal/embed"
	"github.com/lethe-chat/lethe/internal/embed/builtin"
)

// What BenchmarkPage measures.
const (
	measuredPassages = 50_000
	measuredQueries  = 200
	measuredRows     = 20_000
	measuredMatches  = 5_000
	measuredMessages = 50_000
	measuredLoads    = 20
)

// debounce is that of list.js, in milliseconds.
const debounce = 70

// betweenKeys is the pause of somebody who types about ten letters a second. The page asks
// after each of them.
const betweenKeys = 100 * time.Millisecond

// BenchmarkPage measures the page in Chromium, with the whole program on SQLite in this
// process (`make bench-page`). It prints and asserts no time.
func BenchmarkPage(b *testing.B) {
	program, err := chosen(os.LookupEnv)
	require.NoError(b, err)
	if program == "" {
		b.Fatalf("%s is not set: run `make bench-page`", variable)
	}
	chromium := start(b, program)
	for _, m := range []struct {
		name    string
		measure func(b *testing.B, chromium *browser)
	}{
		{"load", measureLoad}, {"typing", measureTyping}, {"list", measureList}, {"delete", measureDelete}, {"chat", measureChat},
	} {
		b.Run(m.name, func(b *testing.B) {
			b.ReportMetric(0, "ns/op")
			m.measure(b, chromium)
		})
	}
}

// clock runs before the scripts of the page. It records when the box is ready for typing,
// when keys are pressed, and how long scripts ran in each frame of more than 50 ms, which is
// what browsers report.
const clock = `
globalThis.measured = { ready: 0, key: 0, frames: [] }
measured.files = () => [...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource').filter((e) => e.name.includes('/page/'))]
addEventListener('focusin', (e) => { if (e.target.id === 'box' && !measured.ready) measured.ready = performance.now() })
addEventListener('keydown', (e) => { measured.key = e.timeStamp }, true)
new PerformanceObserver((list) => {
  for (const e of list.getEntries()) measured.frames.push(e.scripts.reduce((sum, s) => sum + s.duration, 0))
}).observe({ type: 'long-animation-frame' })
`

// weight is how many bytes the files of the page have as they are sent.
const weight = "measured.files().reduce((sum, e) => sum + e.encodedBodySize, 0)"

// timed opens a tab with the clock.
func timed(b *testing.B, chromium *browser, s *apptest.Service) *tab {
	p := chromium.open(b, s)
	p.do(call(cdppage.AddScriptToEvaluateOnNewDocument, cdppage.AddScriptToEvaluateOnNewDocumentParams{Source: clock}))
	return p
}

// loads are when the page was painted first, when it first showed something, and when it was
// ready for typing, in milliseconds after each navigation.
type loads struct{ paint, content, ready []float64 }

// measureLoad loads the page of a small history, as on a first visit and again. Each first
// visit has a cache of its own.
func measureLoad(b *testing.B, chromium *browser) {
	s := service(b)
	garden(b, s)
	var first, again loads
	var bytes, files float64
	for range measuredLoads {
		p := timed(b, chromium, s)
		p.do(chromedp.Navigate(s.URL + "/page/icon.svg"))
		eval[any](p, "sessionStorage.setItem('lethe.key', "+quote(apptest.Key)+")")
		for i, into := range []*loads{&first, &again} {
			p.goTo("/")
			p.has(".list-head", "3 chats")
			p.sees("measured.ready > 0 && performance.getEntriesByName('first-contentful-paint').length")
			into.paint = append(into.paint, eval[float64](p, "performance.getEntriesByName('first-paint')[0].startTime"))
			into.content = append(into.content, eval[float64](p, "performance.getEntriesByName('first-contentful-paint')[0].startTime"))
			into.ready = append(into.ready, eval[float64](p, "measured.ready"))
			if i == 0 {
				bytes, files = eval[float64](p, weight), eval[float64](p, "measured.files().length")
			}
		}
		p.close()
	}
	report(b, "first-paint", first.paint)
	report(b, "first-content", first.content)
	report(b, "first-ready", first.ready)
	report(b, "again-paint", again.paint)
	report(b, "again-content", again.content)
	report(b, "again-ready", again.ready)
	b.ReportMetric(bytes/1000, "first-kB")
	b.ReportMetric(files, "first-files")
}

// close closes the tab.
func (p *tab) close() {
	p.t.Helper()
	p.do(call(cdppage.Close, cdp.Empty{}))
}

// measureTyping types queries of two words, letter by letter, into the box of a history of
// 50,000 passages. What is measured is the time from the last letter until its results are
// painted, without the debounce.
func measureTyping(b *testing.B, chromium *browser) {
	s := service(b, apptest.WithEmbedder(askedOnly{builtin.New(), rand.New(rand.NewPCG(7, 0)), &sync.Mutex{}}), apptest.WithEnv("LETHE_RATE_LIMIT=0"))
	w := newWords()
	passages := w.fill(b, s, measuredPassages)
	b.ReportMetric(float64(passages), "passages")
	p := timed(b, chromium, s)
	p.signedIn(apptest.Key, "/")
	p.has(".list-head", "chats")
	p.sees("document.activeElement?.id === 'box'")
	took := make([]float64, 0, measuredQueries)
	for range measuredQueries {
		p.press(escape)
		p.has(".list-head", "Select all")
		query := w.query()
		for _, letter := range query[:len(query)-1] {
			p.press(string(letter))
			<-time.After(betweenKeys)
		}
		p.press(query[len(query)-1:])
		took = append(took, eval[float64](p, fmt.Sprintf(untilPainted, quote(query)))-debounce)
	}
	report(b, "painted", took)
}

// untilPainted is the time from the last key until the list shows what was asked for, and
// the browser has painted it.
const untilPainted = `(async () => {
  const list = document.querySelector('lethe-list'), frame = () => new Promise((then) => requestAnimationFrame(then))
  while (new URLSearchParams(location.search).get('q') !== %s || list.timer !== undefined) await frame()
  await list.loading
  await frame()
  await new Promise((then) => { const c = new MessageChannel(); c.port1.onmessage = then; c.port2.postMessage(0) })
  return performance.now() - measured.key
})()`

// measureList scrolls a list of 20,000 chats to its end and back.
func measureList(b *testing.B, chromium *browser) {
	s := service(b, apptest.WithEnv("LETHE_EMBEDDER=none", "LETHE_RATE_LIMIT=0"))
	many(b, s, measuredRows)
	indexed(b, s)
	p := timed(b, chromium, s)
	p.signedIn(apptest.Key, "/")
	p.has(".list-head", "20,000 chats")
	p.has(".row .title", "Chat number 19999")
	p.scroll(b, ".list-body")
	p.has(".row .title", "Chat number 19999")
}

// measureChat opens a chat of 50,000 messages and scrolls it to its end and back.
func measureChat(b *testing.B, chromium *browser) {
	s := service(b, apptest.WithEnv("LETHE_EMBEDDER=none", "LETHE_RATE_LIMIT=0"))
	id := long(b, s, "A very long chat", measuredMessages)
	indexed(b, s)
	p := timed(b, chromium, s)
	p.signedIn(apptest.Key, "/?chat="+id)
	p.has(".message", "This is message 0 of")
	b.ReportMetric(eval[float64](p, "performance.getEntriesByType('resource').find((e) => e.name.includes('/messages')).responseEnd"), "opened-ms")
	p.scroll(b, ".chat-body")
}

// scroll scrolls an element to its end and back, a window in each frame, and
// reports the longest script in a frame and the heap before, at the end and after.
func (p *tab) scroll(b *testing.B, selector string) {
	heap := []float64{p.heap()}
	eval[any](p, "measured.frames.length = 0")
	began := time.Now()
	for _, step := range []string{"+", "-"} {
		eval[any](p, fmt.Sprintf(`measured.over = false; void (async () => {
			const body = document.querySelector(%s)
			for (let before = -1; before !== body.scrollTop;) {
				before = body.scrollTop
				body.scrollTop %s= body.clientHeight
				await new Promise((then) => requestAnimationFrame(then))
			}
			measured.over = true
		})()`, quote(selector), step))
		for !eval[bool](p, "measured.over") {
			<-time.After(time.Second) // a slow machine takes minutes
		}
		heap = append(heap, p.heap())
	}
	b.ReportMetric(time.Since(began).Seconds(), "scrolled-s")
	frames := eval[[]float64](p, "measured.frames")
	b.ReportMetric(float64(len(frames)), "frames-over-50-ms")
	b.ReportMetric(slices.Max(append(frames, 0)), "longest-script-ms")
	b.ReportMetric(heap[0], "heap-before-MB")
	b.ReportMetric(heap[1], "heap-end-MB")
	b.ReportMetric(heap[2], "heap-after-MB")
	b.ReportMetric(eval[float64](p, "document.querySelectorAll('*').length"), "elements")
}

// heap is the size of the page's JavaScript heap after a garbage collection, in MB.
func (p *tab) heap() float64 {
	p.t.Helper()
	p.do(call(heapprofiler.CollectGarbage, cdp.Empty{}))
	used, err := chromedp.Run(p.ctx, func(ctx context.Context, t *chromedp.Target) (float64, error) {
		usage, err := cdp.Call(ctx, t, runtime.GetHeapUsage, cdp.Empty{})
		return usage.UsedSize, err
	})
	require.NoError(p.t, err)
	return used / 1e6
}

// measureDelete selects the 5,000 chats of a platform and deletes them, with the keyboard.
// The time is that of the request.
func measureDelete(b *testing.B, chromium *browser) {
	s := service(b, apptest.WithEnv("LETHE_EMBEDDER=none", "LETHE_RATE_LIMIT=0"))
	many(b, s, 2*measuredMatches)
	indexed(b, s)
	p := timed(b, chromium, s)
	p.signedIn(apptest.Key, "/?platform=claude")
	p.has(".list-head", "5,000 chats")
	p.press(escape)
	p.tabTo(".list-body")
	p.pressWith(chromedp.ModifierCtrl, "a")
	p.press("#")
	p.has("dialog", "Type 5000")
	p.tabTo("dialog .typed input")
	p.press("5000")
	p.tabTo("dialog button.delete")
	p.press(enter)
	p.has(".toast", "5,000 chats")
	took := eval[[]float64](p, "performance.getEntriesByType('resource').filter((e) => e.name.includes('delete-matching')).map((e) => e.duration)")
	b.ReportMetric(float64(len(took)), "requests")
	b.ReportMetric(took[0], "answered-ms")
}

// report reports the median, the 95th percentile and the greatest of some times.
func report(b *testing.B, name string, ms []float64) {
	slices.Sort(ms)
	at := func(part float64) float64 { return ms[min(len(ms)-1, int(math.Ceil(part*float64(len(ms))))-1)] }
	b.ReportMetric(at(.5), name+"-p50-ms")
	b.ReportMetric(at(.95), name+"-p95-ms")
	b.ReportMetric(ms[len(ms)-1], name+"-max-ms")
}

// askedOnly has vectors of the built-in model for queries, which come one at a time, and
// random ones for passages: a search costs what it does, and a history is indexed in less
// time.
type askedOnly struct {
	embed.Embedder
	rng *rand.Rand
	mu  *sync.Mutex
}

// Embed implements embed.Embedder.
func (e askedOnly) Embed(ctx context.Context, texts []string) ([][]float32, error) {
	if len(texts) == 1 {
		return e.Embedder.Embed(ctx, texts)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	vectors := make([][]float32, len(texts))
	for i := range vectors {
		v, sum := make([]float32, e.Model().Dimensions), 0.0
		for j := range v {
			x := e.rng.NormFloat64()
			v[j] = float32(x)
			sum += x * x
		}
		for j := range v {
			v[j] /= float32(math.Sqrt(sum))
		}
		vectors[i] = v
	}
	return vectors, nil
}

// words are made-up ones, of which some are frequent and most are rare, as in a language.
type words struct {
	rng  *rand.Rand
	zipf *rand.Zipf
	list []string
}

func newWords() words {
	const vocabulary = 20_000
	rng := rand.New(rand.NewPCG(3, 0))
	list := make([]string, vocabulary)
	for i := range list {
		var word strings.Builder
		for range 2 + rng.IntN(3) {
			word.WriteByte("bdfgklmnprtvz"[rng.IntN(13)])
			word.WriteByte("aiou"[rng.IntN(4)])
		}
		word.WriteByte("bdfgklmnprtvz"[rng.IntN(13)])
		list[i] = word.String()
	}
	return words{rng, rand.NewZipf(rng, 1.2, 8, vocabulary-1), list}
}

func (w words) text(n int) string {
	some := make([]string, n)
	for i := range some {
		some[i] = w.list[w.zipf.Uint64()]
	}
	return strings.Join(some, " ")
}

// query is two words; the second may be half typed.
func (w words) query() string {
	second := w.list[w.zipf.Uint64()]
	return w.list[w.zipf.Uint64()] + " " + second[:2+w.rng.IntN(len(second)-1)]
}

// fill imports chats until the service has at least n passages, and returns how many.
func (w words) fill(b *testing.B, s *apptest.Service, n int) int {
	b.Helper()
	const messages, length, each = 20, 50, 8 // messages of a chat, words of one, and passages that they become
	var file strings.Builder
	lines := json.NewEncoder(&file)
	for i := range n/each + 1 {
		texts := make([]string, messages)
		for m := range texts {
			texts[m] = w.text(length)
		}
		require.NoError(b, lines.Encode(titled(fmt.Sprint("filled-", i), []string{"chatgpt", "claude"}[i%2], w.text(6), texts...)))
	}
	_, err := s.Client.ImportFile(b.Context(), strings.NewReader(file.String()), false)
	require.NoError(b, err)
	return indexed(b, s)
}

// indexed waits until everything is indexed, however long it takes, and returns the number
// of passages.
func indexed(b *testing.B, s *apptest.Service) int {
	b.Helper()
	for ; ; <-time.After(time.Second) {
		stats, err := s.Client.Stats(b.Context())
		require.NoError(b, err)
		if stats.Backlog.Queued+stats.Backlog.Indexing == 0 {
			return stats.Chunks
		}
	}
}
