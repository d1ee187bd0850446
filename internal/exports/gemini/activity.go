package gemini

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/exports/format"
)

// Warnings of this format.
const (
	OtherProduct  format.Warning = "activity of other Google products was left out"
	NoPrompt      format.Warning = "activity that is no prompt was left out: feedback, canvases, settings"
	VerbKept      format.Warning = "prompts were kept with the words that Google puts before them, because their language is not known"
	SameExchange  format.Warning = "repeated entries were joined"
	SecondAnswers format.Warning = "further answers to the same prompt became a branch"
)

// errWording says that it is unclear whether an entry is a prompt.
var errWording = errors.New("the entry has no answer, and its first words are in a language that is not known, so it may be no prompt")

// activity is one entry of the log, from JSON or HTML.
type activity struct {
	heading string   // name of the product
	action  string   // the verb, when the file has it apart from the prompt
	prompt  string   // with the verb before it when action is empty
	answers []string // texts
	links   []string // addresses beside the prompt, not those in the answer
	files   []string
	at      time.Time
	place   format.Place
}

// exchange is a prompt with its answers.
type exchange struct {
	at      time.Time
	prompt  string
	answers []string
	files   []string
}

// log turns activities into conversations. An entry with the address of a conversation
// belongs to that conversation, whose entries are anywhere in the file: their texts are kept
// until the last of them was read, or until the end of the file when it was not counted
// before. An entry without an address is a conversation by itself, and is handed over when the
// next entry is another one.
type log struct {
	out     *format.Out
	entries map[string]int // of each conversation in the file; nil when they were not counted
	threads map[string]*thread
	order   []string
	last    *thread // the latest entry without an address
}

type thread struct {
	id, link  string
	place     format.Place
	exchanges []exchange
	known     map[string]bool // digests of the exchanges
	read      int             // entries
}

// exchange returns the exchange of an entry, or ok false for one that is to be left out.
func (l *log) exchange(a activity) (e exchange, ok bool) {
	if !isGemini(a.heading) {
		l.out.Warn(OtherProduct, 1)
		return exchange{}, false
	}
	prompt, kind := promptOf(a.action, a.prompt, len(a.answers) > 0)
	switch kind {
	case notAPrompt:
		l.out.Warn(NoPrompt, 1)
		return exchange{}, false
	case unknownWording:
		l.out.Problem(a.place, errWording)
		return exchange{}, false
	case wholeTitle:
		l.out.Warn(VerbKept, 1)
	}
	if prompt == "" && len(a.answers) == 0 && len(a.files) == 0 {
		l.out.Warn(format.EmptyMessage, 1)
		return exchange{}, false
	}
	return exchange{at: a.at, prompt: prompt, answers: a.answers, files: a.files}, true
}

// count counts an entry. It is what the first reading of a file calls instead of add.
func (l *log) count(a activity) error {
	if _, ok := l.exchange(a); !ok {
		return nil
	}
	if l.entries == nil {
		l.entries = make(map[string]int)
	}
	if id, _ := conversation(a.links); id != "" {
		l.entries[id]++
	}
	return nil
}

// add takes an entry.
func (l *log) add(a activity) error {
	e, ok := l.exchange(a)
	if !ok {
		return nil
	}
	if id, link := conversation(a.links); id != "" {
		return l.joins(id, link, a.place, e)
	}
	return l.alone(a.place, e)
}

// joins adds an exchange to the conversation with an id.
func (l *log) joins(id, link string, place format.Place, e exchange) error {
	t := l.threads[id]
	if t == nil {
		t = &thread{id: id, link: link, place: format.Place{Member: place.Member}, known: make(map[string]bool)}
		if l.threads == nil {
			l.threads = make(map[string]*thread)
		}
		l.threads[id] = t
		l.order = append(l.order, id)
	}
	if d := e.digest(); t.known[d] {
		l.out.Warn(SameExchange, 1)
	} else {
		t.known[d] = true
		t.exchanges = append(t.exchanges, e)
	}
	if t.read++; t.read == l.entries[id] {
		return l.hand(t)
	}
	return nil
}

// alone hands over the entry before and keeps this one, in case the next one is the same
// exchange again.
func (l *log) alone(place format.Place, e exchange) error {
	t := &thread{id: idOf(e), place: place, exchanges: []exchange{e}}
	if l.last == nil || l.last.id != t.id {
		err := l.flush()
		l.last = t
		return err
	}
	if slices.ContainsFunc(l.last.exchanges, func(had exchange) bool { return byTime(had, e) == 0 }) {
		l.out.Warn(SameExchange, 1)
		return nil
	}
	l.last.exchanges = append(l.last.exchanges, e)
	return nil
}

func (l *log) flush() error {
	t := l.last
	l.last = nil
	if t == nil {
		return nil
	}
	return l.hand(t)
}

// end passes on the remaining conversations.
func (l *log) end() error {
	if err := l.flush(); err != nil {
		return err
	}
	for _, id := range l.order {
		if t := l.threads[id]; t != nil {
			if err := l.hand(t); err != nil {
				return err
			}
		}
	}
	return nil
}

func (l *log) hand(t *thread) error {
	delete(l.threads, t.id)
	slices.SortFunc(t.exchanges, byTime)
	c := format.Conversation{Place: t.place, Upload: chat.Upload{
		Platform: Platform, DisplayName: "Gemini", ExternalID: t.id, TellsMarks: true,
		CreatedAt: t.exchanges[0].at, UpdatedAt: t.exchanges[len(t.exchanges)-1].at,
		Source: chat.Source{Link: t.link},
	}}
	for i := 0; i < len(t.exchanges); {
		same := i + 1
		for same < len(t.exchanges) && t.exchanges[same].prompt == t.exchanges[i].prompt && second(t.exchanges[same]) == second(t.exchanges[i]) {
			same++
		}
		c.Messages = append(c.Messages, l.messages(t.exchanges[i:same])...)
		i = same
	}
	return l.out.Conversation(c)
}

func (e *exchange) digest() string {
	parts := append([]string{e.at.Format(time.RFC3339Nano), e.prompt}, e.answers...)
	return digest(strings.Join(append(parts, e.files...), "\x00"))
}

// byTime orders exchanges from the oldest on, the same way whatever their order in the file.
func byTime(a, b exchange) int {
	return cmp.Or(a.at.Compare(b.at), strings.Compare(a.prompt, b.prompt), slices.Compare(a.answers, b.answers), slices.Compare(a.files, b.files))
}

// messages returns the messages of entries with the same prompt and second. The latest
// answer is on the active path; the others are branches.
func (l *log) messages(same []exchange) (messages []chat.UploadMessage) {
	var texts, files []string
	for _, e := range same {
		if text := strings.Join(e.answers, "\n\n"); text != "" && !slices.Contains(texts, text) {
			texts = append(texts, text)
		}
		for _, f := range e.files {
			if !slices.Contains(files, f) {
				files = append(files, f)
			}
		}
	}
	l.out.Warn(SameExchange, len(same)-max(1, len(texts)))
	l.out.Warn(format.FileNotIncluded, len(files))
	at := same[0].at
	if same[0].prompt != "" || len(files) > 0 {
		messages = append(messages, chat.UploadMessage{Role: string(chat.Human), Text: same[0].prompt, CreatedAt: at, Files: files})
	}
	slices.Reverse(texts)
	for i, text := range texts {
		m := chat.UploadMessage{Role: string(chat.Assistant), Text: text, CreatedAt: at}
		if i > 0 {
			m.Branch = "answer-" + digest(text)
			l.out.Warn(SecondAnswers, 1)
		}
		messages = append(messages, m)
	}
	return messages
}

// idOf returns an id that does not depend on other entries, on the language of the export, or
// on whether it is JSON with milliseconds or HTML with seconds.
func idOf(e exchange) string {
	return "activity-" + digest(second(e)+"\n"+strings.Join(strings.Fields(e.prompt), " "))
}

func second(e exchange) string { return e.at.UTC().Truncate(time.Second).Format(time.RFC3339) }

func digest(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:16])
}

var address = regexp.MustCompile(`^https?://(?:gemini|bard)\.google\.com/(?:u/\d+/)?(?:app|gem/[\w-]+)/(?:c_)?([0-9A-Za-z_-]{6,64})(?:[/?#].*)?$`)

// conversation returns the id and address of the first conversation among links.
func conversation(links []string) (id, link string) {
	for _, l := range links {
		if found := address.FindStringSubmatch(l); found != nil {
			return found[1], "https://gemini.google.com/app/" + found[1]
		}
	}
	return "", ""
}
