package store_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/store"
	"github.com/lethe-chat/lethe/internal/store/storetest"
)

func sourced(change ...func(u *chat.Upload)) chat.Upload {
	u := upload("x", "question", "answer")
	u.CreatedAt, u.UpdatedAt, u.TellsMarks = start, start, true
	u.Source = chat.Source{Archived: new(false), Project: "Ünter/Wegs", Link: "https://a.b/c?d=e&f"}
	for i := range u.Messages {
		u.Messages[i].CreatedAt = start
	}
	u.Messages[0].Files, u.Messages[0].Inferred = []string{`map "1".png`, "b,c", "[]"}, true
	for _, c := range change {
		c(&u)
	}
	return u
}

// The data of a reader is stored and read again unchanged, by INSERT and by COPY.
func TestSourcesAreStored(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		s := db.Open(t)
		ws := workspace(t, s, "w")
		for _, u := range []chat.Upload{sourced(), sourced(func(u *chat.Upload) {
			u.ExternalID = "long"
			for range 100 {
				u.Messages = append(u.Messages, chat.UploadMessage{Role: "tool", Text: "t", CreatedAt: start, Branch: "b", Hidden: true, Inferred: true, Files: []string{"f"}})
			}
		})} {
			want := chat.NewTranscript(valid(t, u))
			want.ImportID = chat.NewID()
			want.LastImportID = want.ImportID
			inTx(t, s, func(tx *store.Tx) error {
				_, err := tx.CreateConversation(ws, want)
				return err
			})
			got, err := s.View(ctx).Transcript(ws, want.ID)
			require.NoError(t, err)
			require.Equal(t, want.Source, got.Source)
			require.Equal(t, want.Turns, got.Turns)
		}
	})
}

// A change of data that no index contains does not re-index the conversation, but a delete after an export notices
// it.
func TestSourcesAloneAreNotIndexedAgain(t *testing.T) {
	for name, c := range map[string]struct {
		change func(u *chat.Upload)
		raised bool
		queued bool
	}{
		"nothing":  {func(*chat.Upload) {}, false, false},
		"archived": {func(u *chat.Upload) { u.Source.Archived = new(true) }, true, false},
		"starred":  {func(u *chat.Upload) { u.Source.Starred = new(false) }, true, false},
		"project":  {func(u *chat.Upload) { u.Source.Project = "P" }, true, false},
		"link":     {func(u *chat.Upload) { u.Source.Link = "https://a.b" }, true, false},
		"silent":   {func(u *chat.Upload) { u.Source = chat.Source{} }, false, false},
		"files":    {func(u *chat.Upload) { u.Messages[1].Files = []string{"new"} }, true, false},
		"inferred": {func(u *chat.Upload) { u.Messages[0].Inferred = false }, true, false},
		"hidden":   {func(u *chat.Upload) { u.Messages[1].Hidden = true }, true, true},
		"branch":   {func(u *chat.Upload) { u.Messages[1].Branch = "b" }, true, true},
		"text too": {func(u *chat.Upload) { u.Messages[1].Files, u.Messages[1].Text = nil, "better" }, true, true},
	} {
		t.Run(strings.ReplaceAll(name, " ", "_"), func(t *testing.T) {
			storetest.Each(t, func(t *testing.T, db storetest.Database) {
				s := db.Open(t)
				ws := workspace(t, s, "w")
				id := create(t, s, ws, sourced()).ID
				indexAs(t, s, id, indexed(passage(0, nil, "alpha")))
				before := state(t, s, ws, id)
				require.Equal(t, chat.Ready, before.IndexState)
				now, merged := merge(t, s, ws, sourced(c.change))
				require.Equal(t, c.raised, now.Revision > before.Revision)
				require.Equal(t, c.queued, now.IndexState == chat.Queued)
				require.True(t, merged.Source.Equal(now.Source))
				got, err := s.View(ctx).Transcript(ws, id)
				require.NoError(t, err)
				require.Equal(t, merged.Messages, got.Turns)
				if !c.queued {
					require.Len(t, keyword(t, s, ws, chat.Filter{}, "alpha"), 1)
				}
				requireSound(t, db)
			})
		})
	}
}
