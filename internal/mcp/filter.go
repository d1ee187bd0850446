package mcp

import (
	"strings"
	"time"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/pkg/api"
)

// period is the part of a filter that selects by the day on which a conversation was created.
type period struct {
	After  string `json:"after,omitempty" jsonschema:"only conversations created on or after this date (2026-03-01) or time"`
	Before string `json:"before,omitempty" jsonschema:"only conversations created before this date (2026-04-01) or time; that moment is not included"`
}

func (p period) read(f *chat.Filter) (err error) {
	if f.From, err = moment("after", p.After); err != nil {
		return err
	}
	f.Before, err = moment("before", p.Before)
	return err
}

func moment(name, text string) (time.Time, error) {
	if text = strings.TrimSpace(text); text == "" {
		return time.Time{}, nil
	}
	at, _, err := api.ParseTime(text)
	if err != nil {
		return time.Time{}, fault.Invalidf("%s %s", name, err)
	}
	return at, nil
}

// selection is the filter of a list and of a delete.
type selection struct {
	Platform   string `json:"platform,omitempty" jsonschema:"only conversations of this platform, by its exact name as in chat_history_overview"`
	Title      string `json:"title,omitempty" jsonschema:"only conversations whose title contains this text; case is ignored"`
	ImportID   string `json:"importId,omitempty" jsonschema:"only conversations of this import"`
	PinnedOnly bool   `json:"pinnedOnly,omitempty" jsonschema:"only pinned conversations"`
	period
}

func (s selection) filter() (chat.Filter, error) {
	f := chat.Filter{Platform: s.Platform, Title: s.Title, ImportID: s.ImportID, PinnedOnly: s.PinnedOnly}
	if f.Platform == "all" { // as in the HTTP API
		f.Platform = ""
	}
	if id, ok := chat.ParseID(s.ImportID); ok {
		f.ImportID = id
	}
	return f, s.period.read(&f)
}
