package history_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/embed"
	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/history"
	"github.com/lethe-chat/lethe/internal/text"
)

func cancelled(t *testing.T) (context.Context, context.CancelFunc) {
	t.Helper()
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	return gone, cancel
}

func TestSearchTellsWhichModeAnswered(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		want := d.ingest(say("x", "Where did we park the caravan?", "Behind the barn.")).Conversation.ID
		d.ingest(say("y", "Something else entirely", "Yes"))
		d.index()
		for _, c := range []struct {
			asked, answered history.Mode
			fails           error
			blind           bool
		}{
			{"", history.Hybrid, nil, false},
			{history.Hybrid, history.Hybrid, nil, false},
			{history.Semantic, history.Semantic, nil, false},
			{history.Keyword, history.Keyword, nil, false},
			{"", history.Keyword, fault.New(fault.Unavailable, "the embedder is down"), false},
			{history.Semantic, history.Keyword, fault.Invalidf("a wrong key"), false},
			{history.Hybrid, history.Keyword, fmt.Errorf("a surprise"), false},
			{history.Hybrid, history.Keyword, nil, true},
			{history.Semantic, history.Keyword, nil, true},
		} {
			d.embedder.fails, d.embedder.blind = c.fails, c.blind
			d.embedder.texts.Store(0)
			found := d.search(history.SearchQuery{Text: "caravan", Mode: c.asked})
			require.Equal(t, c.answered, found.Mode, "%+v", c)
			require.Equal(t, want, found.Hits[0].ConversationID)
			if c.asked == history.Keyword {
				require.Zero(t, d.embedder.texts.Load(), "the words alone need no embedder")
			}
		}
	})
}

func TestSearchRefusesAndClamps(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		for i := range 130 {
			d.ingest(say(fmt.Sprint(i), fmt.Sprintf("caravan number %d", i)))
		}
		d.index()
		for name, q := range map[string]history.SearchQuery{
			"nothing":         {},
			"blank":           {Text: " \n\t"},
			"too long":        {Text: strings.Repeat("é", 10_001)},
			"an unknown mode": {Text: "x", Mode: "fuzzy"},
		} {
			_, err := d.history.AsOperator(d.ws).Search(t.Context(), q)
			require.True(t, fault.Is(err, fault.Invalid), "%s: %v", name, err)
		}
		for limit, want := range map[int]int{0: 20, -3: 1, 1: 1, 100: 100, 101: 100, 1 << 40: 100} {
			require.Len(t, d.search(history.SearchQuery{Text: "caravan", Limit: limit, ContextChunks: 1 << 40}).Hits, want)
		}
		for _, text := range []string{"?!", "the of and", "caravan\x00\xff", "\x00", strings.Repeat("é", 10_000), "' OR \"1\"=\"1", "NEAR(caravan *", `\'caravan\`} {
			found := d.search(history.SearchQuery{Text: text})
			require.NotNil(t, found.Hits, "%q", text)
		}
		gone, cancel := cancelled(t)
		defer cancel()
		_, err := d.history.AsOperator(d.ws).Search(gone, history.SearchQuery{Text: "caravan"})
		require.True(t, fault.Is(err, fault.Canceled), "%v", err)
	})
}

func TestAHitSaysWhereItWasSaid(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		at := time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC)
		u := say("x", "Which cheese goes with pears?", "Roquefort, of course.", "And with figs?", "Fresh goat cheese goes with figs.")
		for i := range u.Messages {
			u.Messages[i].CreatedAt = at.Add(time.Duration(i) * time.Hour)
		}
		u.Platform = "claude"
		id := d.ingest(u).Conversation.ID
		d.index()
		turns := d.transcript(id).Turns
		for query, position := range map[string]int{"pears": 0, "Roquefort": 1, "goat figs": 3, "figs": 2} {
			hits := d.search(history.SearchQuery{Text: query}).Hits
			require.Len(t, hits, 1, query)
			hit, said := hits[0], turns[position]
			require.Equal(t, []any{id, "About x", said.ID, said.Sender, said.CreatedAt}, []any{hit.ConversationID, hit.Title, hit.MessageID, hit.Sender, hit.Time}, query)
			require.Contains(t, hit.Text, said.Text)
			require.InDelta(t, 1, hit.Score, 1e-9, "the best has 1")
			require.NotNil(t, hit.Context)
		}
		none := d.search(history.SearchQuery{Text: "pears", Filter: chat.Filter{Platform: "chatgpt"}})
		require.Empty(t, none.Hits)
		require.NotNil(t, none.Hits)
		require.Len(t, d.search(history.SearchQuery{Text: "pears", Filter: chat.Filter{Platform: "claude", Title: "ABOUT"}}).Hits, 1)
	})
}

// Highlights are runes of the text, whatever script it is in, and what they mark
// is what was asked for.
func TestHighlights(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		d.ingest(say("x", "👩‍👩‍👧 Größere Äpfel 🍏 für die Straßenbahn: e\u0301clair, 東京タワーへ行く user_id=42 ÄPFEL", "Да, яблоки!"))
		d.index()
		for query, want := range map[string][]string{
			"äpfel":        {"Äpfel", "ÄPFEL"},
			"éclair":       {"e\u0301clair"},
			"東京":           {"東京"},
			"user_id":      {"user_id"},
			"яблоко":       {"яблоки"},
			"straßenbahn ": {"Straßenbahn"},
		} {
			hits := d.search(history.SearchQuery{Text: query, Mode: history.Keyword}).Hits
			require.Len(t, hits, 1, query)
			text := []rune(hits[0].Text)
			var marked []string
			end := 0
			for _, s := range hits[0].Highlights {
				require.GreaterOrEqual(t, s.Start, end)
				require.Greater(t, s.End, s.Start)
				require.LessOrEqual(t, s.End, len(text))
				marked = append(marked, string(text[s.Start:s.End]))
				end = s.End
			}
			require.Equal(t, want, marked, query)
		}
		require.Equal(t, []history.Span{}, d.search(history.SearchQuery{Text: "zzzz", Mode: history.Semantic}).Hits[0].Highlights)
	})
}

// Neighbours come in order, half before and half after, and never from another
// conversation.
func TestContext(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		const passages = 9
		for _, name := range []string{"before", "x", "after"} {
			var texts []string
			for i := range passages { // each message is a passage of its own
				texts = append(texts, words(word(name, i), 100))
			}
			d.ingest(say(name, texts...))
		}
		d.index()
		for _, c := range []struct {
			at, asked int
			want      []int
		}{
			{4, 0, nil}, {4, -1, nil}, {4, 1, []int{5}}, {4, 2, []int{3, 5}}, {4, 3, []int{3, 5, 6}}, {4, 4, []int{2, 3, 5, 6}},
			{0, 4, []int{1, 2}}, {8, 4, []int{6, 7}}, {1, 4, []int{0, 2, 3}}, {4, 20, []int{0, 1, 2, 3, 5, 6, 7, 8}}, {4, 1000, []int{0, 1, 2, 3, 5, 6, 7, 8}},
		} {
			hits := d.search(history.SearchQuery{Text: word(word("x", c.at), 7), Mode: history.Keyword, ContextChunks: c.asked}).Hits
			require.Len(t, hits, 1)
			var got []int
			for _, p := range hits[0].Context {
				for i := range passages {
					if strings.Contains(p.Text, word(word("x", i), 7)+" ") {
						got = append(got, i)
						require.Equal(t, []chat.Sender{chat.Human, chat.Assistant}[i%2], p.Sender)
						require.Equal(t, now, p.Time)
					}
				}
				require.NotContains(t, p.Text, "before")
				require.NotContains(t, p.Text, "after")
			}
			require.Equal(t, c.want, got, "%+v", c)
		}
		both := d.search(history.SearchQuery{Text: word(word("x", 4), 7) + " " + word(word("x", 5), 7), Mode: history.Keyword, ContextChunks: 2}).Hits
		require.Len(t, both, 2, "a hit may stand in another's context")
		for _, hit := range both {
			require.Len(t, hit.Context, 2)
		}
	})
}

// A word of the query finds its passage in any inflection, on both databases.
func TestWordsMeetTheirForms(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		id := d.ingest(say("x", "She was running through the cities", "Running is healthy")).Conversation.ID
		d.index()
		for _, query := range []string{"run", "RUNS", "city", "City's"} {
			require.NotEmpty(t, text.Terms(query))
			hits := d.search(history.SearchQuery{Text: query, Mode: history.Keyword}).Hits
			require.Len(t, hits, 1, query)
			require.Equal(t, id, hits[0].ConversationID)
		}
	})
}

// Every script is found by its words, on both databases, and nothing else is.
func TestEveryScriptIsFound(t *testing.T) {
	said := map[string]string{
		"English":  "We booked the ferry to the islands for Saturday.",
		"German":   "Die alten Häuser am Hafen gefallen mir besser als das neue Hotel.",
		"French":   "Les châteaux de la Loire sont plus beaux au printemps.",
		"Spanish":  "Las ciudades del norte tienen mercados cada domingo.",
		"Russian":  "Вчера я видел большую кошку на крыше соседнего дома.",
		"Greek":    "Το καλοκαίρι πήγαμε με τα παιδιά στην Ελλάδα.",
		"Arabic":   "أحب القراءة في المكتبات القديمة كل صباح",
		"Hebrew":   "אמרתי שלום לכולם לפני הנסיעה",
		"Hindi":    "नमस्ते दुनिया, आज मौसम अच्छा है",
		"Chinese":  "我每天早上喝茶，然后去公园散步。",
		"Japanese": "毎朝コーヒーを飲みながら新聞を読みます。",
		"Korean":   "저는 고양이를 좋아해서 두 마리를 키워요.",
		"Thai":     "ฉันมีแมวสองตัวที่บ้าน",
		"code":     "func (s *Store) getUserName(ctx context.Context) // see internal/user_store.go, v1.2.3",
		"mixed":    "可以用 parseConfig 函数吗 or is loadSettings the better one?",
	}
	asked := map[string][]string{
		"English": {"island", "FERRIES"}, "German": {"Haus", "häuser"}, "French": {"chateau", "château"}, "Spanish": {"ciudad", "mercado"},
		"Russian": {"кошка", "крыша"}, "Greek": {"ελλαδα"}, "Arabic": {"مكتبة"}, "Hebrew": {"שָׁלוֹם"}, "Hindi": {"दुनिया"},
		"Chinese": {"喝茶", "公园"}, "Japanese": {"コーヒー", "ｺｰﾋｰ", "新聞"}, "Korean": {"고양이"}, "Thai": {"แมว"},
		"code": {"getUserName", "user", "user_store.go", "1.2.3"}, "mixed": {"parseconfig", "函数", "settings"},
	}
	each(t, func(t *testing.T, d *desk) {
		ids := map[string]string{}
		for script, text := range said {
			ids[script] = d.ingest(say(script, text)).Conversation.ID
		}
		d.index()
		for script, queries := range asked {
			for _, query := range queries {
				hits := d.search(history.SearchQuery{Text: query, Mode: history.Keyword}).Hits
				require.Len(t, hits, 1, "%s: %s", script, query)
				require.Equal(t, ids[script], hits[0].ConversationID, "%s: %s", script, query)
				require.NotEmpty(t, hits[0].Highlights, "%s: %s", script, query)
			}
		}
	})
}

// What is deleted while a search is under way, be it found by its words already, is
// not in the answer.
func TestASearchMissesWhatIsDeletedMeanwhile(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		gone := d.ingest(say("gone", "The ferry leaves at nine.")).Conversation.ID
		stays := d.ingest(say("stays", "The ferry leaves at ten.")).Conversation.ID
		d.index()
		deleting := d.with(func(o *history.Options) {
			o.Embedder = embedding{d.embedder, func() {
				_, err := d.history.AsOperator(d.ws).DeleteConversations(t.Context(), []string{gone}, chat.DeleteOptions{})
				require.NoError(t, err)
			}}
		})
		hits := deleting.search(history.SearchQuery{Text: "ferry"}).Hits
		require.Len(t, hits, 1)
		require.Equal(t, stays, hits[0].ConversationID)
	})
}

// embedding is an embedder before whose answer something happens.
type embedding struct {
	embed.Embedder
	before func()
}

func (e embedding) Embed(ctx context.Context, texts []string) ([][]float32, error) {
	e.before()
	return e.Embedder.Embed(ctx, texts)
}
