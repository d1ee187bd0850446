package claudecode

import (
	"cmp"
	"context"
	"errors"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/lethe-chat/lethe/internal/exports/format"
	"github.com/lethe-chat/lethe/internal/exports/lines"
	"github.com/lethe-chat/lethe/internal/exports/loose"
	"github.com/lethe-chat/lethe/internal/exports/session"
)

// A session that is resumed, forked or moved to the background begins with a copy of all
// lines of the session that it continues: the same uuid, another sessionId, and nothing that
// names the other file. Agents may begin with a copy too. Files of one project that begin
// with the same record are therefore compared, and each record is read from one of them. An
// id alone does not make two records the same, because some programs count from 1: time and
// message must be equal too.

// repeated returns the ids of the records of a file that are read from another file.
func repeated(ctx context.Context, m format.Member) map[string]bool {
	if m.All == nil || m.Memo == nil {
		return nil
	}
	project := projectOf(m.Path)
	heads, _ := m.Memo("claudecode heads "+project, func() any { return headsOf(ctx, m, project) }).(map[string][]format.Member)
	first := head(ctx, m)
	group := heads[first]
	if first == "" || len(group) < 2 {
		return nil
	}
	shares, _ := m.Memo("claudecode shares "+project+" "+first, func() any { return share(ctx, group) }).(map[string]map[string]bool)
	return shares[m.Path]
}

// projectOf returns the folder of the project that a session belongs to.
func projectOf(file string) string {
	dir := path.Dir(file)
	if before, _, found := strings.Cut(dir+"/", "/subagents/"); found {
		return path.Dir(before)
	}
	return dir
}

// origin identifies a record, so that its copies can be found.
type origin struct {
	UUID    loose.Text     `json:"uuid"`
	Time    loose.Time     `json:"timestamp"`
	Kind    loose.Text     `json:"sessionKind"`
	Message jsontext.Value `json:"message"`
}

// key is the same for all copies of a record. It is empty for a line that is not a record.
func (o origin) key() string {
	if o.UUID == "" {
		return ""
	}
	return session.Hash(string(o.UUID), o.Time.String(), string(o.Message))
}

var errEnough = errors.New("enough was read")

// head returns the key of the first record of a file; empty when it has none.
func head(ctx context.Context, m format.Member) (id string) {
	m.From = format.Mark{}
	err := lines.Each(ctx, m, &format.Out{}, func(_ lines.Place, o origin) error {
		if id = o.key(); id != "" {
			return errEnough
		}
		return nil
	})
	if err != nil && !errors.Is(err, errEnough) {
		return "" // reading the file itself will say why
	}
	return id
}

// headsOf returns the files of a project by their first record.
func headsOf(ctx context.Context, m format.Member, project string) map[string][]format.Member {
	heads := map[string][]format.Member{}
	for _, other := range m.All() {
		if projectOf(other.Path) != project || path.Ext(other.Path) != ".jsonl" {
			continue
		}
		if first := head(ctx, other); first != "" {
			heads[first] = append(heads[first], other)
		}
	}
	return heads
}

// copied is a file of a group that begins with the same record.
type copied struct {
	path       string
	agent      bool // a session of an agent, which never owns what the session has
	background bool // forked by Claude Code itself
	own        time.Time
	records    []record
}

type record struct {
	key, id string
	at      time.Time
}

// share returns for each file of a group the records that are read from another one. A
// record is read from the session that was there first: one whose every record is in another
// file too, else the one whose own records begin first.
func share(ctx context.Context, group []format.Member) map[string]map[string]bool {
	count := map[string]int{}
	files := make([]copied, 0, len(group))
	for _, m := range group {
		f := copied{path: m.Path, agent: agentOf(m.Path) != ""}
		m.From = format.Mark{}
		seen := map[string]bool{}
		_ = lines.Each(ctx, m, &format.Out{}, func(_ lines.Place, o origin) error { // reading the file itself will say why
			if key := o.key(); key != "" && !seen[key] {
				seen[key] = true
				count[key]++
				f.records = append(f.records, record{key, string(o.UUID), o.Time.Time})
				f.background = f.background || o.Kind == "bg"
			}
			return nil
		})
		files = append(files, f)
	}
	for i := range files {
		for _, r := range files[i].records {
			if count[r.key] == 1 {
				files[i].own = r.at
				break
			}
		}
	}
	slices.SortFunc(files, func(a, b copied) int {
		return cmp.Or(compareBool(a.agent, b.agent), compareBool(a.background, b.background), a.own.Compare(b.own), cmp.Compare(a.path, b.path))
	})
	owned, left := map[string]bool{}, map[string]map[string]bool{}
	for _, f := range files {
		elsewhere := map[string]bool{}
		for _, r := range f.records {
			if owned[r.key] {
				elsewhere[r.id] = true
			}
			owned[r.key] = true
		}
		left[f.path] = elsewhere
	}
	return left
}

// compareBool orders false before true.
func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}
