package history

import (
	"context"
	"strings"
	"time"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/chunker"
	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/rank"
	"github.com/lethe-chat/lethe/internal/store"
	"github.com/lethe-chat/lethe/internal/text"
)

// Limits of a recall (MemoryPlugin, "Inject"). Larger budgets are clamped.
const (
	DefaultRecallTokens = 600
	MaxRecallTokens     = 2000
	MaxRecallQueries    = 15
)

// ExtractiveModel is what Recollection.Model says when no language model wrote
// the digest.
const ExtractiveModel = "extractive"

// RecallQuery asks for a digest of what the history knows.
type RecallQuery struct {
	Text      string // may be empty when there are Queries
	MaxTokens int    // 0 for DefaultRecallTokens
	Platform  string // for whom the digest is formatted: claude, chatgpt, typingmind or empty
	Context   string // what the conversation that wants the digest is about
	Turns     []chat.RecallTurn
	Queries   []RecallPart // when there are any, each is searched and written up on its own
}

// RecallPart is one of a RecallQuery's own queries.
type RecallPart struct {
	Text      string
	MaxTokens int // 0 for the RecallQuery's
}

// Recollection is the answer to a RecallQuery.
type Recollection struct {
	Content string
	Sources []Source           // what Content cites, in the order of its numbers
	Tokens  int                // of Content
	Model   string             // the one that wrote it, or at least one of its parts; else ExtractiveModel
	Results []PartRecollection // one a query when there were Queries, else nil
}

// PartRecollection is the answer to a RecallPart.
type PartRecollection struct {
	Query   string
	Content string
	Sources []Source
	Tokens  int
	Model   string
}

// Source cites a passage of a digest.
type Source struct {
	ConversationID string
	Title          string
	MessageID      string
	Date           time.Time
	Score          float64
}

const (
	recallHits     = 40 // how many passages a digest chooses from
	recallParallel = 4  // how many queries are searched, or written up, at the same time
)

// recall is Access.Recall.
func (h *History) recall(ctx context.Context, ws chat.WorkspaceID, q RecallQuery) (Recollection, error) {
	if err := q.normalize(); err != nil {
		return Recollection{}, err
	}
	parts := q.Queries
	if len(parts) == 0 {
		parts = []RecallPart{{Text: q.Text, MaxTokens: q.MaxTokens}}
	}
	drafts, err := h.draft(ctx, ws, q, parts)
	if err != nil {
		return Recollection{}, err
	}
	if err := h.write(ctx, q, drafts); err != nil {
		return Recollection{}, err
	}
	if err := h.settle(ctx, ws, drafts); err != nil {
		return Recollection{}, err
	}
	if len(q.Queries) == 0 {
		only := drafts[0].recollection()
		return Recollection{Content: only.Content, Sources: only.Sources, Tokens: only.Tokens, Model: only.Model}, nil
	}
	return joined(drafts), nil
}

// joined puts the parts together: a section each, every source once.
func joined(drafts []*draft) Recollection {
	out := Recollection{Model: ExtractiveModel, Sources: []Source{}, Results: []PartRecollection{}}
	var sections []string
	cited := map[string]bool{}
	for _, d := range drafts {
		r := d.recollection()
		out.Results = append(out.Results, r)
		if r.Model != ExtractiveModel {
			out.Model = r.Model
		}
		if r.Content != "" {
			sections = append(sections, "## "+oneLine(r.Query)+"\n\n"+r.Content)
		}
		for _, s := range r.Sources {
			if id := s.ConversationID + s.MessageID; !cited[id] {
				cited[id] = true
				out.Sources = append(out.Sources, s)
			}
		}
	}
	out.Content = strings.Join(sections, "\n\n")
	out.Tokens = text.Tokens(out.Content)
	return out
}

func (q *RecallQuery) normalize() error {
	if len(q.Queries) > MaxRecallQueries {
		return fault.Breaks(fault.At("queries"), "must have at most %d entries, got %d", MaxRecallQueries, len(q.Queries))
	}
	if len(q.Queries) == 0 && strings.TrimSpace(q.Text) == "" {
		return fault.Breaks(fault.At("text"), "must not be blank (or give %s)", fault.At("queries"))
	}
	var found fault.Problems
	if q.MaxTokens == 0 {
		q.MaxTokens = DefaultRecallTokens
	}
	q.MaxTokens = min(max(q.MaxTokens, 1), MaxRecallTokens)
	for i := range q.Queries {
		p := &q.Queries[i]
		if strings.TrimSpace(p.Text) == "" {
			found.Add(fault.At("queries").Item(i).Field("text"), "must not be blank")
		}
		if p.MaxTokens == 0 {
			p.MaxTokens = q.MaxTokens
		}
		p.MaxTokens = min(max(p.MaxTokens, 1), MaxRecallTokens)
	}
	return found.Err()
}

// draft is one query's digest on its way.
type draft struct {
	part     RecallPart
	platform string
	hits     []Hit // what it may rest on, best first
	digest
	model string // that wrote it
}

func (d *draft) quote() {
	d.digest, d.model = extract(d.hits, d.part.MaxTokens, d.platform), ExtractiveModel
}

func (d *draft) recollection() PartRecollection {
	return PartRecollection{Query: d.part.Text, Content: d.content, Sources: d.sources, Tokens: text.Tokens(d.content), Model: d.model}
}

// draft searches for each query and quotes what it found.
func (h *History) draft(ctx context.Context, ws chat.WorkspaceID, q RecallQuery, parts []RecallPart) ([]*draft, error) {
	drafts := make([]*draft, len(parts))
	err := sideBySide(len(parts), recallParallel, func(i int) error {
		found, err := h.find(ctx, ws, SearchQuery{Text: q.enrich(parts[i].Text), Limit: recallHits})
		drafts[i] = &draft{part: parts[i], platform: q.Platform, hits: found.Hits}
		drafts[i].quote()
		return err
	})
	return drafts, err
}

// settle holds the drafts to what is there now, all in one snapshot: writing takes
// seconds, in which a conversation may be deleted or changed. A text that a model
// wrote is thrown away when any passage that it was shown is not as it was, cited or
// not, since nobody can tell what it took from where. A digest of quotes is made
// again without those passages.
func (h *History) settle(ctx context.Context, ws chat.WorkspaceID, drafts []*draft) error {
	return h.store.Snapshot(ctx, func(v *store.View) error {
		for _, d := range drafts {
			for {
				gone, err := vanished(v, ws, d.used)
				if err != nil {
					return err
				}
				if len(gone) == 0 {
					break
				}
				if d.model != ExtractiveModel {
					h.metrics.digests.WithLabelValues("overtaken").Inc()
				}
				d.hits = remaining(d.hits, gone)
				d.quote()
			}
			if d.model != ExtractiveModel {
				h.metrics.digests.WithLabelValues("written").Inc()
			}
		}
		return nil
	})
}

// vanished tells which of the hits are not there any more as they were found.
func vanished(v *store.View, ws chat.WorkspaceID, hits []Hit) (map[rank.Key]bool, error) {
	keys := make([]rank.Key, len(hits))
	for i, hit := range hits {
		keys[i] = hit.key
	}
	there, err := passagesByKey(v, ws, keys)
	gone := map[rank.Key]bool{}
	for _, hit := range hits {
		if p, ok := there[hit.key]; !ok || chunker.Render(p.Content) != hit.Text || p.Title != hit.Title {
			gone[hit.key] = true
		}
	}
	return gone, err
}

func remaining(hits []Hit, gone map[rank.Key]bool) []Hit {
	var left []Hit
	for _, hit := range hits {
		if !gone[hit.key] {
			left = append(left, hit)
		}
	}
	return left
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
