package transfer

import (
	"context"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/exports/format"
	"github.com/lethe-chat/lethe/internal/exports/lethe"
	"github.com/lethe-chat/lethe/pkg/api"
	"github.com/lethe-chat/lethe/pkg/client"
)

// maxLine is the longest line and the largest request that the service takes, in bytes.
const maxLine = 50_000_000

// ToService returns a destination that stores an import through a running service.
func ToService(c *client.Client, begin api.ImportBegin) Destination {
	return &service{client: c, begin: begin, most: maxLine}
}

// service is a running service as a destination.
type service struct {
	client *client.Client
	begin  api.ImportBegin
	job    *client.ImportJob
	most   int // bytes of a request
}

// Begin starts the import.
func (s *service) Begin(ctx context.Context) (string, error) {
	job, err := s.client.StartImport(ctx, s.begin)
	if err != nil {
		return "", err
	}
	s.job = job
	return job.ID(), nil
}

// NewPart returns a part whose conversations become lines.
func (s *service) NewPart() Part { return &lines{to: s} }

// Report sets the progress that the next heartbeat of the import sends.
func (s *service) Report(read int64, _ chat.ImportReport) {
	s.job.Progress(api.ImportProgress{BytesRead: new(int(read))})
}

// Finish ends the import.
func (s *service) Finish(ctx context.Context, end End) error {
	_, err := s.job.Finish(ctx, api.ImportFinish{
		State: api.ImportFinishState(end.State), Reason: some(end.Reason), BytesRead: new(int(end.Bytes)), Format: some(end.Format),
		Skipped: new(end.Found.Skipped), Failed: new(end.Found.Unread), Members: membersOf(end.Found.Members),
		Problems: findingsOf(end.Found.Problems), Notes: end.Found.Notes,
	})
	return err
}

func membersOf(found []chat.ImportMember) []api.ImportMember {
	members := make([]api.ImportMember, 0, len(found))
	for _, f := range found {
		m := api.ImportMember{Path: f.Path, Format: some(f.Format), Conversations: f.Conversations, Failed: new(f.Failed), Problem: some(f.Problem)}
		for text, n := range f.Warnings {
			if n > 0 {
				m.Warnings = append(m.Warnings, api.ImportWarning{Text: text, Count: n})
			}
		}
		members = append(members, m)
	}
	return members
}

func findingsOf(found []chat.ImportProblem) []api.ImportFinding {
	findings := make([]api.ImportFinding, 0, len(found))
	for _, p := range found {
		findings = append(findings, api.ImportFinding{Member: some(p.Member), Line: positive(p.Line), Element: positive(p.Element), Reason: p.Reason})
	}
	return findings
}

func some(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func positive(n int) *int {
	if n < 1 {
		return nil
	}
	return &n
}

// lines is a part of an import: usually sent in one request, in several if it has conversations of many megabytes.
type lines struct {
	to       *service
	requests []request
	bytes    int
}

// request is lines that are sent together, with the place of each.
type request struct {
	text   []byte
	places []format.Place
}

// Add writes the conversation as a line, or a long one as several.
func (l *lines) Add(u chat.Upload, at format.Place) (int, error) {
	var added [][]byte
	for _, part := range u.Split(chat.DefaultPartLimits()) {
		line, err := lethe.Line(part, maxLine)
		if err != nil {
			return l.bytes, err
		}
		added = append(added, line)
	}
	for _, line := range added {
		l.append(line, at)
	}
	return l.bytes, nil
}

func (l *lines) append(line []byte, at format.Place) {
	last := len(l.requests) - 1
	if last < 0 || len(l.requests[last].text)+len(line) > l.to.most {
		l.requests = append(l.requests, request{})
		last++
	}
	r := &l.requests[last]
	r.text, r.places = append(r.text, line...), append(r.places, at)
	l.bytes += len(line)
}

// Send sends the lines.
func (l *lines) Send(ctx context.Context) (d Delivered, err error) {
	var problems []chat.ImportProblem
	for _, r := range l.requests {
		if d, err = l.to.send(ctx, r); err != nil {
			return d, err
		}
		problems = append(problems, d.Problems...)
	}
	d.Problems = problems
	return d, nil
}

func (s *service) send(ctx context.Context, r request) (Delivered, error) {
	answer, err := s.job.Send(ctx, r.text)
	if err != nil {
		return Delivered{}, err
	}
	i := answer.Import
	d := Delivered{
		Counts: chat.ImportCounts{
			New: i.Counts.New, Updated: i.Counts.Updated, Unchanged: i.Counts.Unchanged, LeftDeleted: i.Counts.Deleted,
			Excluded: i.Counts.Excluded, Skipped: i.Counts.Skipped, Failed: i.Counts.Failed,
		},
		Ready: i.Ready, Pending: i.Pending,
	}
	for _, p := range answer.Problems {
		problem := chat.ImportProblem{Reason: p.Reason}
		if p.Line >= 1 && p.Line <= len(r.places) { // the service reports a line of the request, not of the source
			at := r.places[p.Line-1]
			problem.ImportPlace = chat.ImportPlace{Member: at.Member, Line: at.Line, Element: at.Element}
		}
		d.Problems = append(d.Problems, problem)
	}
	return d, nil
}
