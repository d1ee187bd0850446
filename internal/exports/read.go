package exports

import (
	"bytes"
	"context"
	"io"
	"time"

	"github.com/lethe-chat/lethe/internal/exports/container"
	"github.com/lethe-chat/lethe/internal/exports/format"
	"github.com/lethe-chat/lethe/internal/fault"
)

// Options are the settings of an import.
type Options struct {
	// Format is the name of the format that every file is read with. Empty: each file's
	// format is found out.
	Format string
	// Since leaves out conversations that were last changed before this time. A conversation
	// whose time is unknown is kept.
	Since time.Time
	// Platform leaves out conversations of other platforms. Empty: all are kept.
	Platform string
	// Formats are formats that are tried before those of the table, such as a table whose
	// columns the caller has named.
	Formats []format.Format
	// Progress is called while the source is read, from the same goroutine.
	Progress func(Progress)
}

// Progress is how much of a source was read.
type Progress struct {
	Member        string // that is read
	Bytes         int64  // of the source as it is stored
	Of            int64  // all bytes of the source; -1 when unknown
	Conversations int    // handed over
}

// Read reads a source and passes its conversations to take, one after the other. A member or a part of it that cannot
// be read is a problem in the report and does not end the reading. If a conversation is in several files, it is
// passed on once, in its newest form.
//
// Read returns the errors of take and of the context unchanged. It returns an Invalid fault if the format of the
// options is unknown, if no file has a known format, if all conversations are damaged, and if the files only say
// which others to download. The report covers everything up to the end of the reading, also after an error.
func Read(ctx context.Context, source *container.Source, o Options, take func(format.Conversation) error) (*Report, error) {
	r := reading{
		options: o, formats: append(append([]format.Format(nil), o.Formats...), Formats()...),
		take: take, copies: newCopies(), report: &Report{}, progress: Progress{Of: source.Size()},
	}
	if o.Format != "" {
		only, err := named(o.Format, r.formats)
		if err != nil {
			return r.report, err
		}
		r.only = &only
	}
	for member, err := range source.Members(ctx) {
		if err != nil && ctx.Err() != nil {
			return r.report, err
		}
		if err := r.member(ctx, member, err); err != nil {
			return r.report, err
		}
	}
	return r.report, r.verdict()
}

// reading is one run of Read.
type reading struct {
	options  Options
	formats  []format.Format
	only     *format.Format // that the options name
	take     func(format.Conversation) error
	copies   *copies
	report   *Report
	progress Progress
	indexes  int // files that only say which others to download
	known    int // other files of known formats
}

// member reads one member. It returns only errors that end the whole reading.
func (r *reading) member(ctx context.Context, member container.Member, err error) error {
	found := MemberReport{Path: member.Path, Bytes: member.Size}
	if err != nil {
		found.Bytes = unknown
		found.problem(format.Place{Member: member.Path}, err)
		r.report.Members = append(r.report.Members, found)
		return nil
	}
	before := r.progress.Bytes
	r.progress.Member = member.Path
	defer func() {
		if member.Stored >= 0 {
			r.progress.Bytes = before + member.Stored
		}
		r.tell()
	}()
	f, sample, err := r.recognise(&member)
	switch {
	case err != nil:
		found.problem(format.Place{Member: member.Path}, err)
	case f == nil:
		r.report.without(Without{Path: member.Path, Found: sample.Describe(), Empty: sample.Empty()})
		return nil
	default:
		found.Format = f.Name
		if err := r.read(ctx, *f, member, &found); err != nil {
			r.report.Members = append(r.report.Members, found)
			return err
		}
	}
	if f == nil || !f.Index || found.ProblemCount > 0 {
		r.report.Members = append(r.report.Members, found)
	}
	return nil
}

// firstLook is how many bytes of a member are read first. They are nearly always enough to recognise the format, and
// more would take longer than reading a small member.
const firstLook = 256 << 10

// recognise returns the format of a member, or nil if it is unknown. If the sample contains the whole member, the
// member is not read from the source again.
func (r *reading) recognise(member *container.Member) (*format.Format, *format.Sample, error) {
	for most := firstLook; ; most = format.SampleBytes {
		head, err := member.Head(most)
		if err != nil {
			return nil, nil, err
		}
		sample := format.NewSample(member.Path, head)
		whole := len(head) < most
		f := r.matching(sample)
		if f == nil && !whole && most < format.SampleBytes {
			continue
		}
		if whole && sample.Kind != format.Binary && sample.Kind != format.SQLite {
			member.Open = func() (io.ReadCloser, error) { return inMemory{bytes.NewReader(head)}, nil }
		}
		return f, sample, nil
	}
}

// matching returns the format of a file, or nil if it has none.
func (r *reading) matching(sample *format.Sample) *format.Format {
	if r.only != nil {
		if sample.Kind == format.Binary || sample.Empty() || len(sample.Head) == 0 {
			return nil
		}
		return r.only
	}
	if f, ok := Detect(sample, r.formats); ok {
		return &f
	}
	return nil
}

// inMemory is an open member whose text is in memory.
type inMemory struct{ *bytes.Reader }

// Close does nothing.
func (inMemory) Close() error { return nil }

// read reads a member of a known format.
func (r *reading) read(ctx context.Context, f format.Format, member container.Member, found *MemberReport) error {
	if f.Index {
		r.indexes++
	} else {
		r.known++
	}
	var ended error // of take: it ends everything
	out := &format.Out{
		Take: func(c format.Conversation) error {
			ended = r.conversation(c, found)
			return ended
		},
		Fail: found.problem,
		Note: func(text string) { r.report.Notices = append(r.report.Notices, text) },
	}
	err := f.Read(ctx, r.measured(member), out)
	found.Warnings = out.Warnings
	switch {
	case ended != nil:
		return ended
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		found.problem(format.Place{Member: member.Path}, err)
	}
	return nil
}

// conversation passes a conversation on, unless it is left out.
func (r *reading) conversation(c format.Conversation, found *MemberReport) error {
	switch {
	case r.options.Platform != "" && c.Platform != r.options.Platform,
		!c.UpdatedAt.IsZero() && c.UpdatedAt.Before(r.options.Since):
		found.Excluded++
		return nil
	case !r.copies.wanted(c):
		found.Older++
		return nil
	}
	if err := r.take(c); err != nil {
		return err
	}
	found.Conversations++
	r.progress.Conversations++
	r.tell()
	return nil
}

func (r *reading) tell() {
	if r.options.Progress != nil {
		r.options.Progress(r.progress)
	}
}

// verdict says what was wrong if nothing was handed over.
func (r *reading) verdict() error {
	switch {
	case r.known == 0 && r.indexes > 0:
		return fault.Invalidf("this only lists the files of an export: %s", r.report.Notices[0])
	case r.known == 0:
		return unrecognised(r.report, r.formats)
	case r.report.Conversations() == 0 && r.report.Problems() > 0 && r.excluded() == 0:
		first := r.firstProblem()
		return fault.Invalidf("nothing could be read: %s: %s", first.Place, first.Text)
	}
	return nil
}

func (r *reading) excluded() (n int) {
	for _, m := range r.report.Members {
		n += m.Excluded
	}
	return n
}

func (r *reading) firstProblem() Problem {
	for _, m := range r.report.Members {
		if len(m.Problems) > 0 {
			return m.Problems[0]
		}
	}
	return Problem{}
}

const unknown = -1

// measured returns the member so that reading it moves the progress. How many stored bytes
// were read follows from the unpacked ones, unless the container knows better.
func (r *reading) measured(member container.Member) format.Member {
	start := r.progress.Bytes
	m := member.Member
	m.Open = func() (io.ReadCloser, error) {
		in, err := member.Open()
		if err != nil {
			return nil, err
		}
		metered := &meter{ReadCloser: in, moved: func(unpacked int64) {
			r.progress.Bytes = max(r.progress.Bytes, start+stored(member, in, unpacked))
		}}
		if seeker, ok := in.(io.Seeker); ok { // readers that go on from a mark need it
			return seekable{metered, seeker}, nil
		}
		return metered, nil
	}
	return m
}

// stored returns how many bytes of the source were read for this many unpacked bytes.
func stored(member container.Member, in io.Reader, unpacked int64) int64 {
	n := unpacked
	if packed, ok := in.(interface{ Consumed() int64 }); ok {
		n = packed.Consumed()
	} else if member.Size > 0 && member.Stored >= 0 {
		n = int64(float64(unpacked) * float64(member.Stored) / float64(member.Size))
	}
	if member.Stored >= 0 {
		n = min(n, member.Stored)
	}
	return n
}

// meter counts the bytes that are read.
type meter struct {
	io.ReadCloser
	n     int64
	moved func(unpacked int64)
}

func (m *meter) Read(p []byte) (int, error) {
	n, err := m.ReadCloser.Read(p)
	m.n += int64(n)
	m.moved(m.n)
	return n, err
}

// seekable is the meter of a file.
type seekable struct {
	*meter
	io.Seeker
}
