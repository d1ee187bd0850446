package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"

	"github.com/lethe-chat/lethe/internal/transfer"
)

// How often the progress of an import is shown: on a terminal, and as plain lines.
const (
	redrawEvery = 150 * time.Millisecond
	lineEvery   = 5 * time.Second
)

// importProgress shows the progress of an import: one line that is redrawn on a terminal, and a line every few
// seconds elsewhere.
type importProgress struct {
	tracker *transfer.Tracker
	verb    string // "Importing"
	name    string
	begun   time.Time

	terminal io.Writer // without escaping; nil if stderr is no terminal
	width    func() int
	plain    io.Writer

	mu        sync.Mutex
	since     time.Time // when only the indexing was left; zero before
	atIndexed int       // how many were indexed at that time

	ended chan struct{}
	done  chan struct{}
	once  sync.Once
}

// showProgress shows the progress of an import until stop is called or the context ends.
func (p *program) showProgress(ctx context.Context, name string, looking bool) *importProgress {
	s := &importProgress{
		tracker: transfer.NewTracker(), verb: "Importing", name: name, begun: time.Now(), plain: p.stderr,
		ended: make(chan struct{}), done: make(chan struct{}),
	}
	if looking {
		s.verb = "Reading"
	}
	if t, ok := p.stderr.(*terminalWriter); ok {
		s.terminal, s.width = t.to, terminalWidth(t.to)
	}
	go s.run(ctx)
	return s
}

// terminalWidth returns a function that returns the columns of a terminal.
func terminalWidth(to io.Writer) func() int {
	return func() int {
		if file, ok := to.(*os.File); ok {
			if width, _, err := term.GetSize(int(file.Fd())); err == nil && width > 0 {
				return width
			}
		}
		return 80
	}
}

func (s *importProgress) run(ctx context.Context) {
	defer close(s.done)
	every := lineEvery
	if s.terminal != nil {
		every = redrawEvery
	}
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
		case <-s.ended:
		case <-ticker.C:
			s.show()
			continue
		}
		if s.terminal != nil {
			fmt.Fprint(s.terminal, "\r\x1b[K")
		}
		return
	}
}

// indexing marks that everything is stored and only the index is waited for.
func (s *importProgress) indexing() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.since, s.atIndexed = time.Now(), s.tracker.Now().Indexed
}

// stop stops the display and clears the line.
func (s *importProgress) stop() {
	s.once.Do(func() { close(s.ended) })
	<-s.done
}

func (s *importProgress) elapsed() time.Duration { return time.Since(s.begun) }

func (s *importProgress) show() {
	s.mu.Lock()
	since, atIndexed := s.since, s.atIndexed
	s.mu.Unlock()
	at := moment{now: s.tracker.Now(), took: s.elapsed(), verb: s.verb, name: s.name}
	if !since.IsZero() {
		at.waiting, at.took, at.before = true, time.Since(since), atIndexed
	}
	if s.terminal == nil {
		fmt.Fprintln(s.plain, at.line())
		return
	}
	fmt.Fprint(s.terminal, "\r"+at.drawn(s.width())+"\x1b[K")
}

// moment is the progress of an import at one time.
type moment struct {
	now     transfer.Progress
	took    time.Duration
	verb    string
	name    string
	waiting bool // only the index is waited for
	before  int  // how many were indexed when that began
}

// share returns the share that is done, from 0 to 1; negative if it is unknown.
func (m moment) share() float64 {
	if m.waiting {
		return ratio(int64(m.now.Indexed), int64(m.now.New))
	}
	return ratio(m.now.Bytes, m.now.Of)
}

func ratio(done, of int64) float64 {
	if of <= 0 {
		return -1
	}
	return min(1, float64(done)/float64(of))
}

// facts returns the parts of a line, the most important first.
func (m moment) facts() []string {
	var facts []string
	share := m.share()
	if share >= 0 {
		facts = append(facts, fmt.Sprintf("%d%%", int(100*share)))
	}
	if m.waiting {
		facts = append(facts, fmt.Sprintf("%s of %s indexed", grouped(m.now.Indexed), thousands(m.now.New, "conversation")))
	} else {
		facts = append(facts, m.read(), thousands(m.now.Read, "conversation"))
	}
	if left := m.left(share); left != "" {
		facts = append(facts, left)
	}
	switch seconds := m.took.Seconds(); {
	case seconds <= 0:
	case m.waiting:
		facts = append(facts, fmt.Sprintf("%.0f a second", float64(m.now.Indexed-m.before)/seconds))
	default:
		facts = append(facts, bytesText(int64(float64(m.now.Bytes)/seconds))+"/s")
	}
	if !m.waiting && m.now.Indexed > 0 {
		facts = append(facts, grouped(m.now.Indexed)+" indexed")
	}
	return facts
}

func (m moment) read() string {
	if m.now.Of <= 0 {
		return bytesText(m.now.Bytes)
	}
	return bytesText(m.now.Bytes) + " of " + bytesText(m.now.Of)
}

// leastShare is the share that must be done before the remaining time is estimated.
const leastShare = 0.02

// left returns the remaining time if it can be estimated.
func (m moment) left(share float64) string {
	begun := 0.0
	if m.waiting {
		begun = max(0, ratio(int64(m.before), int64(m.now.New)))
	}
	if share-begun < leastShare || share >= 1 || m.took < time.Second {
		return ""
	}
	return "about " + duration(time.Duration(float64(m.took)*(1-share)/(share-begun))) + " left"
}

func (m moment) title() string {
	if m.waiting {
		return "Indexing"
	}
	return m.verb + " " + m.name
}

// line returns the progress as a line of text.
func (m moment) line() string { return m.title() + ": " + strings.Join(m.facts(), ", ") }

const barWidth = 24

// drawn returns the progress as one line for a terminal with this many columns. What does not fit is left out.
func (m moment) drawn(columns int) string {
	title := []rune(escaped(m.title()))
	if most := max(columns/3, 12); len(title) > most {
		title = append(title[:most-1], '…')
	}
	text := string(title)
	size := len(title)
	if share := m.share(); share >= 0 && columns >= size+barWidth+12 {
		full := int(share * barWidth)
		text += "  " + strings.Repeat("━", full) + strings.Repeat("─", barWidth-full)
		size += barWidth + 2
	}
	for _, fact := range m.facts() {
		if size+2+len(fact) >= columns {
			break
		}
		text += "  " + fact
		size += 2 + len(fact)
	}
	return text
}

// escaped returns a text on one line, escaped as a terminalWriter does.
func escaped(text string) string {
	var out strings.Builder
	t := terminalWriter{to: &out}
	_, _ = t.Write([]byte(oneLine(text) + " ")) // a builder never fails; the space completes a character that was cut
	return strings.TrimSuffix(out.String(), " ")
}

// bytesText formats a number of bytes.
func bytesText(n int64) string {
	switch {
	case n < 1000:
		return fmt.Sprintf("%d B", n)
	case n < 1_000_000:
		return fmt.Sprintf("%d KB", n/1000)
	case n < 10_000_000:
		return fmt.Sprintf("%.1f MB", float64(n)/1e6)
	case n < 1_000_000_000:
		return fmt.Sprintf("%d MB", n/1_000_000)
	}
	return fmt.Sprintf("%.1f GB", float64(n)/1e9)
}

// duration formats a duration, to the second or the minute.
func duration(d time.Duration) string {
	switch {
	case d < time.Second:
		return "1 s"
	case d < time.Minute:
		return fmt.Sprintf("%d s", int(d.Round(time.Second).Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%d min %d s", int(d.Minutes()), int(d.Seconds())%60)
	}
	return fmt.Sprintf("%d h %d min", int(d.Hours()), int(d.Minutes())%60)
}
