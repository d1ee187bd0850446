// Package copilot reads the CSV that Microsoft's privacy dashboard has of Copilot, in both of
// its layouts. The rows are newest first, and question and answer often have the same time,
// so they are put the other way round and never sorted.
package copilot

import (
	"context"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/exports/draft"
	"github.com/lethe-chat/lethe/internal/exports/format"
	"github.com/lethe-chat/lethe/internal/exports/times"
)

const platform = "copilot"

// Format returns the reader.
func Format() format.Format {
	return format.Format{
		Name: "copilot", Title: "Microsoft Copilot activity (CSV)", Platform: platform,
		LookFor: "CSV with the columns Conversation, Time, Author and Message, or CreatedAt, MessageContent, Author and ChatName",
		Matches: func(s *format.Sample) bool {
			if s.Kind != format.CSV {
				return false
			}
			header, err := reader(strings.NewReader(string(s.Head))).Read()
			if err != nil {
				return false
			}
			_, err = columnsOf(header)
			return err == nil
		},
		Read: read,
	}
}

// columns are the indexes of the columns that are read.
type columns struct{ chat, at, author, text int }

var errColumns = errors.New("the first line does not name the columns Conversation, Time, Author and Message, or CreatedAt, MessageContent, Author and ChatName")

func columnsOf(header []string) (columns, error) {
	at := make(map[string]int)
	for i, name := range header {
		at[strings.ToLower(strings.TrimSpace(strings.TrimPrefix(name, "\ufeff")))] = i + 1
	}
	for _, names := range [][4]string{{"conversation", "time", "author", "message"}, {"chatname", "createdat", "author", "messagecontent"}} {
		c := columns{at[names[0]] - 1, at[names[1]] - 1, at[names[2]] - 1, at[names[3]] - 1}
		if c.chat >= 0 && c.at >= 0 && c.author >= 0 && c.text >= 0 {
			return c, nil
		}
	}
	return columns{}, errColumns
}

func reader(in io.Reader) *csv.Reader {
	r := csv.NewReader(in)
	r.LazyQuotes = true
	r.FieldsPerRecord = -1
	r.ReuseRecord = true
	return r
}

// maxRow is the size of the largest row that is read, in bytes.
const maxRow = 256 << 20

var errRowTooLong = fmt.Errorf("a row is longer than %d MB, perhaps because a quote is missing; what follows it was not read", maxRow>>20)

// limited refuses to read more than the bytes that one row may have.
type limited struct {
	in   io.Reader
	left int
}

func (l *limited) Read(p []byte) (int, error) {
	if l.left <= 0 {
		return 0, errRowTooLong
	}
	n, err := l.in.Read(p[:min(len(p), l.left)])
	l.left -= n
	return n, err
}

// row is one message.
type row struct {
	chat   string
	at     time.Time
	author chat.Sender
	text   string
	line   int
}

// rows calls fn for each row of a file. It returns the errors of fn and of reading.
func rows(ctx context.Context, m format.Member, out *format.Out, fn func(row) error) error {
	return rowsWithin(ctx, m, out, maxRow, fn)
}

func rowsWithin(ctx context.Context, m format.Member, out *format.Out, most int, fn func(row) error) error {
	file, err := m.Open()
	if err != nil {
		return err
	}
	defer file.Close()
	limit := &limited{in: file, left: most}
	r := reader(limit)
	header, err := r.Read()
	if errors.Is(err, io.EOF) {
		return nil
	}
	if err != nil && !errors.Is(err, errRowTooLong) {
		return err
	}
	at, err := columnsOf(header)
	if err != nil {
		out.Problem(format.Place{Member: m.Path, Line: 1}, err)
		return nil
	}
	for ctx.Err() == nil {
		limit.left = most
		fields, err := r.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		line, _ := r.FieldPos(0)
		var broken *csv.ParseError
		switch {
		case errors.As(err, &broken):
			out.Problem(format.Place{Member: m.Path, Line: broken.StartLine}, fmt.Errorf("the row is not valid CSV: %w", broken.Err))
			continue
		case errors.Is(err, errRowTooLong):
			out.Problem(format.Place{Member: m.Path}, err)
			return nil
		case err != nil:
			return err
		case len(fields) <= max(at.chat, at.at, at.author, at.text):
			out.Problem(format.Place{Member: m.Path, Line: line}, errors.New("the row has too few fields"))
			continue
		}
		written, _ := times.Parse(fields[at.at])
		err = fn(row{chat: strings.Clone(strings.TrimSpace(fields[at.chat])), at: written, author: senderOf(fields[at.author]), text: strings.Clone(fields[at.text]), line: line})
		if err != nil {
			return err
		}
	}
	return context.Cause(ctx)
}

func senderOf(author string) chat.Sender {
	switch strings.ToLower(strings.TrimSpace(author)) {
	case "human", "user", "you", "me":
		return chat.Human
	case "system":
		return chat.System
	}
	return chat.Assistant
}

// read reads a file twice, so that it can pass a chat on after its last row and need not keep it: the first pass
// counts the rows of each chat and detects their order. An input that can be opened only once has an unknown size; it
// is read once, and its chats are kept until the end.
func read(ctx context.Context, m format.Member, out *format.Out) error {
	var d direction
	counts := make(map[string]int)
	if m.Size >= 0 {
		err := rows(ctx, m, &format.Out{}, func(r row) error { // the second reading reports
			d.add(r)
			counts[idOf(r)]++
			return nil
		})
		if err != nil {
			return err
		}
	}
	chats := make(map[string][]row)
	var order []string
	hand := func(id string) error {
		said := chats[id]
		delete(chats, id)
		return conversation(id, said, d.newestFirst(), m.Path).Hand(out)
	}
	err := rows(ctx, m, out, func(r row) error {
		id := idOf(r)
		if m.Size < 0 {
			d.add(r)
		}
		if chats[id] == nil {
			order = append(order, id)
		}
		if chats[id] = append(chats[id], r); len(chats[id]) == counts[id] {
			return hand(id)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, id := range order {
		if chats[id] != nil {
			if err := hand(id); err != nil {
				return err
			}
		}
	}
	return nil
}

func conversation(id string, said []row, newestFirst bool, path string) *draft.Chat {
	c := draft.New(platform, "Copilot", id, format.Place{Member: path, Line: said[0].line})
	if newestFirst {
		slices.Reverse(said)
	}
	if !isID(said[0].chat) {
		c.Title = said[0].chat
	}
	for _, r := range said {
		c.Say(chat.UploadMessage{Role: string(r.author), Text: r.text, CreatedAt: r.at})
	}
	return c
}

var uuid = regexp.MustCompile(`^[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}$`)

func isID(chat string) bool { return uuid.MatchString(chat) }

// idOf returns the id of the conversation of a row. The file has only a name: all chats of one name are one
// conversation, and rows without a name are one conversation per day, so that the id stays the same when newer rows
// are added or old ones are deleted.
func idOf(r row) string {
	if isID(r.chat) {
		return r.chat
	}
	name := r.chat
	if name == "" {
		name = "\x00" + r.at.UTC().Format(time.DateOnly)
	}
	sum := sha256.Sum256([]byte(name))
	return "copilot-" + hex.EncodeToString(sum[:16])
}

// direction finds out in which order a file has its rows.
type direction struct {
	last         row
	began        bool
	older, newer int // rows that are older or newer than the row before
	asks, answer int // pairs of the same time: question first, answer first
}

func (d *direction) add(r row) {
	if d.began && !r.at.IsZero() && !d.last.at.IsZero() {
		switch before := r.at.Compare(d.last.at); {
		case before < 0:
			d.older++
		case before > 0:
			d.newer++
		case d.last.author == chat.Human && r.author == chat.Assistant:
			d.asks++
		case d.last.author == chat.Assistant && r.author == chat.Human:
			d.answer++
		}
	}
	r.text = ""
	d.last, d.began = r, true
}

// newestFirst reports whether the newest row comes first. In files where all times are equal, it decides by whether a
// question comes before or after its answer.
func (d *direction) newestFirst() bool {
	if d.older != d.newer {
		return d.older > d.newer
	}
	return d.answer >= d.asks
}
