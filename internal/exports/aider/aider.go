// Package aider reads the files .aider.chat.history.md that Aider writes: Markdown, in which
// a heading of the first level begins a session, headings of the fourth level are what was
// typed, quoted lines are what Aider says of its work, and the rest is the answers.
package aider

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/exports/format"
	"github.com/lethe-chat/lethe/internal/exports/session"
	"github.com/lethe-chat/lethe/internal/exports/times"
)

// Platform is the platform of the conversations.
const Platform = "aider"

const begin = "# aider chat started at "

// maxLine is the longest line that is read, in bytes. The rest of a longer line is left out.
const maxLine = 64 << 20

// Format returns the format.
func Format() format.Format {
	return format.Format{
		Name: "aider", Title: "Aider chat history", Platform: Platform,
		LookFor: "Markdown with headings `" + strings.TrimSpace(begin) + " ...`",
		Matches: func(s *format.Sample) bool {
			head := bytes.TrimLeft(s.Head, "\r\n \t")
			return bytes.HasPrefix(head, []byte(begin)) || bytes.HasPrefix(head, []byte("#### ")) && bytes.Contains(head, []byte("\n"+begin))
		},
		Read: read,
	}
}

// reader reads one file.
type reader struct {
	m      format.Member
	out    *format.Out
	s      *session.Session
	header string
	line   int // of the header
	number int

	kind   string // of the message that is being collected
	text   []string
	marked bool // prompts end with two spaces, as Aider writes them; not all editors keep them
	last   string
}

// The kinds of collected text.
const (
	prompt = session.Human
	answer = session.Assistant
	remark = session.Tool
)

func read(ctx context.Context, m format.Member, out *format.Out) error {
	in, err := m.Open()
	if err != nil {
		return err
	}
	defer in.Close()
	r := reader{m: m, out: out}
	lines := bufio.NewReaderSize(in, 64<<10)
	for ctx.Err() == nil {
		line, err := readLine(lines)
		if line != "" || err == nil {
			r.number++
			if err := r.take(line); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return r.handOver()
		}
		if err != nil {
			return fmt.Errorf("%s cannot be read: %w", m.Path, err)
		}
	}
	return context.Cause(ctx)
}

// readLine returns the next line without its line break.
func readLine(in *bufio.Reader) (string, error) {
	var line []byte
	for {
		part, err := in.ReadSlice('\n')
		if len(line)+len(part) <= maxLine {
			line = append(line, part...)
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return strings.TrimRight(string(line), "\r\n"), err
		}
	}
}

func (r *reader) take(line string) error {
	if started, is := strings.CutPrefix(line, begin); is {
		if err := r.handOver(); err != nil {
			return err
		}
		r.header, r.line, r.last = strings.TrimSpace(started), r.number, line
		at, _ := times.Parse(r.header) // local time without a zone, taken as UTC
		r.s = session.New(Platform, "Aider", at)
		r.s.Upload.CreatedAt = at
		return nil
	}
	if r.s == nil {
		return nil // before the first session
	}
	switch {
	case r.isPrompt(line):
		r.collect(prompt, strings.TrimSpace(strings.TrimPrefix(line, "####")))
	case strings.HasPrefix(line, "> "):
		r.collect(remark, strings.TrimRight(line[2:], " "))
	case line == "" && r.kind != answer: // ends a prompt or a remark
		r.flush()
	case line == "" && len(r.text) == 0:
	default:
		r.collect(answer, line)
	}
	if strings.TrimSpace(line) != "" {
		r.last = line
	}
	return nil
}

// isPrompt reports whether a heading was typed. Aider ends the lines of a prompt with two spaces; answers have
// headings too. In a file that has lost these spaces, a heading is a prompt if it is not in the middle of an answer.
func (r *reader) isPrompt(line string) bool {
	if !strings.HasPrefix(line, "#### ") {
		return false
	}
	if strings.HasSuffix(line, "  ") {
		r.marked = true
		return true
	}
	if r.marked {
		return r.kind == prompt
	}
	return r.kind != answer || strings.HasPrefix(r.last, "> ") || strings.HasPrefix(r.last, begin)
}

func (r *reader) collect(kind, line string) {
	if r.kind != kind {
		r.flush()
		r.kind = kind
	}
	r.text = append(r.text, line)
}

// flush adds the message that was collected.
func (r *reader) flush() {
	if r.s == nil || r.kind == "" {
		return
	}
	m := chat.UploadMessage{Role: r.kind, Text: strings.TrimSpace(strings.Join(r.text, "\n")), Hidden: r.kind == remark}
	r.kind, r.text = "", nil
	if m.Text == "" || m.Text == "<blank>" {
		return
	}
	r.s.AddUnnamed(m)
}

// handOver passes on the session that has just ended. Its id is a hash of its beginning and its first prompt, because
// the file has no ids.
func (r *reader) handOver() error {
	r.flush()
	if r.s == nil {
		return nil
	}
	first := ""
	for _, m := range r.s.Upload.Messages {
		if m.Role == session.Human {
			first = m.Text
			break
		}
	}
	if first == "" { // Aider was started and left
		r.out.Warn(format.EmptyChat, 1)
		return nil
	}
	r.s.Upload.ExternalID = session.Hash(r.header, first)
	if dir := path.Base(path.Dir(r.m.Path)); dir != "." && dir != "/" {
		r.s.Upload.Source.Project = dir
	}
	return r.s.HandOver(format.Place{Member: r.m.Path, Line: r.line}, r.out)
}
