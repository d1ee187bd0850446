package recall

import (
	"strings"
	"time"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/text"
)

// ExtractiveModel is the Model of a digest of quotes, which no language model wrote.
const ExtractiveModel = "extractive"

// Digest is a text about the history, with its sources.
type Digest struct {
	Content string
	Sources []Source // in the order of their numbers in Content
	Tokens  int      // of Content
	Model   string   // that wrote Content, or at least one of its sections; else ExtractiveModel
}

// Answer is the answer to a Query. If the query had Queries, the Digest has a section for each.
type Answer struct {
	Digest

	Results []Result // one for each of Queries; nil when there were none
}

// Result is the answer to a SubQuery.
type Result struct {
	Digest

	Query string // as it was asked
}

// Source is a passage that a digest cites.
type Source struct {
	ConversationID chat.ConversationID
	Title          string
	MessageID      chat.MessageID
	Date           time.Time
	Score          float64
}

// digest returns the draft as it is answered.
func (d *draft) digest() Digest {
	return Digest{Content: d.content, Sources: d.sources, Tokens: text.Tokens(d.content), Model: d.model}
}

// combined joins the drafts: a section for each, every source once.
func combined(queries []SubQuery, drafts []*draft) Answer {
	answer := Answer{Digest: Digest{Model: ExtractiveModel, Sources: []Source{}}, Results: []Result{}}
	var sections []string
	type place struct {
		conversation chat.ConversationID
		message      chat.MessageID
	}
	listed := map[place]bool{}
	for i, d := range drafts {
		r := Result{Query: queries[i].Text, Digest: d.digest()}
		answer.Results = append(answer.Results, r)
		if r.Model != ExtractiveModel {
			answer.Model = r.Model
		}
		if r.Content != "" {
			sections = append(sections, sectionHeading(r.Query)+r.Content)
		}
		for _, s := range r.Sources {
			if at := (place{s.ConversationID, s.MessageID}); !listed[at] {
				listed[at] = true
				answer.Sources = append(answer.Sources, s)
			}
		}
	}
	answer.Content = strings.Join(sections, "\n\n")
	answer.Tokens = text.Tokens(answer.Content)
	return answer
}

// maxSectionRunes is how much of a query stands above its section.
const maxSectionRunes = 100

// sectionHeading returns what stands above the section of a query.
func sectionHeading(query string) string {
	title := beginning(query, maxSectionRunes)
	if title != oneLine(query) {
		title += "…"
	}
	return "## " + title + "\n\n"
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
