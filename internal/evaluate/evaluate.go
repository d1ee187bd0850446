package evaluate

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/pkg/api"
	"github.com/lethe-chat/lethe/pkg/client"
)

// Layout is how a dialogue is uploaded.
type Layout string

// Turns uploads each turn as a conversation, so that rankings can be compared with
// published ones. Chunks uploads each session as a conversation, as real users do; a result
// is a hit when its passage contains the evidence.
const (
	Turns  Layout = "turns"
	Chunks Layout = "chunks"
)

// Depth is how many results each search requests.
const Depth = 20

// Answered is the outcome of one question.
type Answered struct {
	Dialogue int
	Category int
	Mode     api.SearchMode
	Rank     int // of the first evidence, counted from 1; 0 when it is not among the results
	Took     time.Duration
}

// Uploaded is a dialogue that is searched.
type Uploaded struct {
	client   *client.Client
	number   int
	dialogue Dialogue
	where    places
}

// Upload uploads one dialogue into the workspace of the client's key, which must be empty. It waits until everything is
// indexed. number becomes Answered.Dialogue.
func Upload(ctx context.Context, c *client.Client, number int, d Dialogue, layout Layout) (Uploaded, error) {
	where, err := upload(ctx, c, d, layout)
	if err == nil {
		err = indexed(ctx, c)
	}
	return Uploaded{client: c, number: number, dialogue: d, where: where}, err
}

// Search asks every question in every mode. minScore is the floor of the search; nil for its own.
func (u Uploaded) Search(ctx context.Context, modes []api.SearchMode, minScore *float64) (answered []Answered, err error) {
	for _, mode := range modes {
		for _, q := range u.dialogue.Questions {
			began := time.Now()
			found, err := u.client.Search(ctx, api.SearchRequest{
				Query: q.Text, Mode: &mode, Limit: new(Depth), ContextChunks: new(0), MinScore: minScore,
			})
			if err != nil {
				return nil, err
			}
			answered = append(answered, Answered{
				Dialogue: u.number, Category: q.Category, Mode: mode, Took: time.Since(began),
				Rank: 1 + slices.IndexFunc(found.Results, func(r api.SearchResult) bool { return u.where.holds(r, q.Evidence) }),
			})
		}
	}
	return answered, nil
}

// places records where each turn was uploaded.
type places struct {
	conversation map[string]string // by turn
	text         map[string]string // by turn, in its passage; empty when the conversation is the turn
}

// holds reports whether a result contains any of the turns.
func (p places) holds(r api.SearchResult, turns []string) bool {
	return slices.ContainsFunc(turns, func(id string) bool {
		return p.conversation[id] == r.ConversationID && strings.Contains(oneLine(r.Passage), p.text[id])
	})
}

// recognized is how many bytes identify a turn. It is short because a passage may end
// inside the turn.
const recognized = 60

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

func beginning(text string) string {
	text = oneLine(text)
	if len(text) <= recognized {
		return text
	}
	return strings.ToValidUTF8(text[:recognized], "")
}

func upload(ctx context.Context, c *client.Client, d Dialogue, layout Layout) (places, error) {
	p := places{conversation: map[string]string{}, text: map[string]string{}}
	first := ""
	for _, s := range d.Sessions {
		chat := api.UploadedChat{ID: fmt.Sprint("session ", s.Number), Title: new(fmt.Sprint("Session ", s.Number))}
		for i, turn := range s.Turns {
			if first == "" {
				first = turn.Speaker
			}
			role := "assistant"
			if turn.Speaker == first {
				role = "human"
			}
			at := api.NewTime(s.At.Add(time.Duration(i) * 20 * time.Second))
			message := api.UploadedMessage{ID: &turn.ID, Role: role, Content: turn.Speaker + ": " + turn.Text, CreatedAt: &at}
			if layout == Turns {
				id, err := send(ctx, c, api.UploadedChat{ID: turn.ID, Title: new("-"), Messages: []api.UploadedMessage{message}})
				if err != nil {
					return p, err
				}
				p.conversation[turn.ID] = id
				continue
			}
			chat.Messages = append(chat.Messages, message)
			p.text[turn.ID] = beginning(turn.Text)
		}
		if len(chat.Messages) == 0 {
			continue
		}
		id, err := send(ctx, c, chat)
		if err != nil {
			return p, err
		}
		for _, turn := range s.Turns {
			p.conversation[turn.ID] = id
		}
	}
	return p, nil
}

func send(ctx context.Context, c *client.Client, chat api.UploadedChat) (string, error) {
	answer, err := c.Upload(ctx, api.UploadRequest{Conversation: chat})
	return answer.ConversationID, err
}

// indexed waits until the indexer has no work left.
func indexed(ctx context.Context, c *client.Client) error {
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	for {
		stats, err := c.Stats(ctx)
		if err != nil {
			return err
		}
		if stats.Backlog.Failed > 0 {
			return fault.Invalidf("%d conversations could not be indexed", stats.Backlog.Failed)
		}
		if stats.Backlog.Queued+stats.Backlog.Indexing == 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
		}
	}
}
