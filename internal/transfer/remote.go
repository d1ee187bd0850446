package transfer

import (
	"bytes"
	"context"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/exports/format"
	"github.com/lethe-chat/lethe/internal/exports/lethe"
	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/pkg/api"
	"github.com/lethe-chat/lethe/pkg/client"
)

// maxLine is the longest line that the service takes, in bytes.
const maxLine = 50_000_000

// ToService returns a destination that stores an import through a running service.
func ToService(c *client.Client, begin api.ImportBegin) Destination {
	return &service{client: c, begin: begin}
}

// service is a running service as a destination.
type service struct {
	client *client.Client
	begin  api.ImportBegin
	job    *client.ImportJob
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

// Report sets what the next heartbeat of the import tells.
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

// lines is a part as it is sent.
type lines struct {
	to     *service
	text   bytes.Buffer
	places []format.Place // of each line
}

// Add writes the conversation as a line.
func (l *lines) Add(u chat.Upload, at format.Place) (int, error) {
	before := l.text.Len()
	if err := lethe.WriteUpload(&l.text, u); err != nil {
		l.text.Truncate(before)
		return before, fault.Wrap(fault.Invalid, err, "it cannot be written as JSON")
	}
	if n := l.text.Len() - before; n > maxLine {
		l.text.Truncate(before)
		return before, fault.Invalidf("it has %d MB; at most %d MB can be sent", n/1_000_000, maxLine/1_000_000)
	}
	l.places = append(l.places, at)
	return l.text.Len(), nil
}

// Send sends the lines.
func (l *lines) Send(ctx context.Context) (Delivered, error) {
	answer, err := l.to.job.Send(ctx, l.text.Bytes())
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
		if p.Line >= 1 && p.Line <= len(l.places) { // the line of the part is none of the source
			at := l.places[p.Line-1]
			problem.ImportPlace = chat.ImportPlace{Member: at.Member, Line: at.Line, Element: at.Element}
		}
		d.Problems = append(d.Problems, problem)
	}
	return d, nil
}
