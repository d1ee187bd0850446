package lethe

import (
	"cmp"
	"context"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/exports/format"
	"github.com/lethe-chat/lethe/internal/exports/lines"
	"github.com/lethe-chat/lethe/internal/exports/loose"
	"github.com/lethe-chat/lethe/internal/fault"
)

// Name is the name of the format.
const Name = "lethe"

// Format is the reader of Lethe's own files: those of `lethe export`, and any other file with
// one upload a line.
func Format() format.Format {
	return format.Format{
		Name: Name, Title: "Lethe's own file", Platform: chat.DefaultPlatform,
		LookFor: "lines of JSON with `conversation` and its `messages`",
		Matches: func(s *format.Sample) bool {
			return s.Has("[].everything.tombstoneKey") || s.Has("everything.tombstoneKey") || s.Has("[].conversation.messages") && s.Has("[].conversation.id") ||
				s.Kind == format.JSON && s.Has("conversation.messages") && s.Has("conversation.id")
		},
		Read: func(ctx context.Context, m format.Member, out *format.Out) error {
			return lines.Each(ctx, m, out, func(at lines.Place, l sent) error {
				if l.Everything != nil {
					return errEverything
				}
				return out.Conversation(format.Conversation{Upload: l.upload(), Place: format.Place{Member: m.Path, Line: at.Line}})
			})
		},
	}
}

// errEverything is the error of a file with everything that a database keeps. Its workspaces must
// not become one.
var errEverything = fault.Invalidf("this file has everything of a database, with all its workspaces; store it in a new database with `lethe restore`")

// sent is a line as it is read.
type sent struct {
	Everything   *struct{} `json:"everything"` // set in the header of a file with everything
	Platform     string    `json:"platform"`
	DisplayName  string    `json:"platformDisplayName"`
	Conversation struct {
		ID        loose.Text    `json:"id"`
		Title     string        `json:"title"`
		CreatedAt loose.Time    `json:"createdAt"`
		UpdatedAt loose.Time    `json:"updatedAt"`
		Pinned    *bool         `json:"pinned"`
		Archived  *bool         `json:"archived"`
		Starred   *bool         `json:"starred"`
		Project   string        `json:"project"`
		Link      string        `json:"link"`
		Marked    bool          `json:"marked"`
		From      *int          `json:"from"`
		Messages  []sentMessage `json:"messages"`
	} `json:"conversation"`
}

type sentMessage struct {
	ID        loose.Text `json:"id"`
	Role      string     `json:"role"`
	Content   string     `json:"content"`
	CreatedAt loose.Time `json:"createdAt"`
	Inferred  bool       `json:"timeInferred"`
	Branch    string     `json:"branch"`
	Hidden    bool       `json:"hidden"`
	Files     []string   `json:"files"`
}

func (l sent) upload() chat.Upload {
	c := l.Conversation
	u := chat.Upload{
		Platform: cmp.Or(l.Platform, chat.DefaultPlatform), DisplayName: l.DisplayName, ExternalID: string(c.ID), Title: c.Title,
		CreatedAt: c.CreatedAt.Time, UpdatedAt: c.UpdatedAt.Time, Pinned: c.Pinned, TellsMarks: c.Marked, From: c.From,
		Source:   chat.Source{Archived: c.Archived, Starred: c.Starred, Project: c.Project, Link: c.Link},
		Messages: make([]chat.UploadMessage, len(c.Messages)),
	}
	for i, m := range c.Messages {
		u.Messages[i] = chat.UploadMessage{
			ExternalID: string(m.ID), Role: m.Role, Text: m.Content, CreatedAt: m.CreatedAt.Time,
			Inferred: m.Inferred, Branch: m.Branch, Hidden: m.Hidden, Files: m.Files,
		}
	}
	return u
}
