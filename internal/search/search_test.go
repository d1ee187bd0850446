package search_test

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
	"github.com/lethe-chat/lethe/internal/history/historytest"
	"github.com/lethe-chat/lethe/internal/search"
	"github.com/lethe-chat/lethe/internal/text"
)

func TestSearchTellsWhichModeAnswered(t *testing.T) {
	historytest.Each(t, func(t *testing.T, f *historytest.Fixture) {
		want := f.Ingest(historytest.Upload("x", "Where did we park the caravan?", "Behind the barn.")).Conversation.ID
		f.Ingest(historytest.Upload("y", "Something else entirely", "Yes"))
		f.Index()
		for _, c := range []struct {
			asked, answered search.Mode
			fails           error
			blind           bool
		}{
			{"", search.Hybrid, nil, false},
			{search.Hybrid, search.Hybrid, nil, false},
			{search.Semantic, search.Semantic, nil, false},
			{search.Keyword, search.Keyword, nil, false},
			{"", search.Keyword, fault.New(fault.Unavailable, "the embedder is down"), false},
			{search.Semantic, search.Keyword, fault.Invalidf("a wrong key"), false},
			{search.Hybrid, search.Keyword, fmt.Errorf("a surprise"), false},
			{search.Hybrid, search.Keyword, nil, true},
			{search.Semantic, search.Keyword, nil, true},
		} {
			f.Embedder.Fails, f.Embedder.Blind = c.fails, c.blind
			f.Embedder.Texts.Store(0)
			found := f.Search(search.Query{Text: "caravan", Mode: c.asked})
			require.Equal(t, c.answered, found.Mode, "%+v", c)
			require.Equal(t, want, found.Hits[0].ConversationID)
			if c.asked == search.Keyword {
				require.Zero(t, f.Embedder.Texts.Load(), "the words alone need no embedder")
			}
		}
	})
}

func TestSearchRefusesAndClamps(t *testing.T) {
	historytest.Each(t, func(t *testing.T, f *historytest.Fixture) {
		for i := range 130 {
			f.Ingest(historytest.Upload(fmt.Sprint(i), fmt.Sprintf("caravan number %d", i)))
		}
		f.Index()
		for name, q := range map[string]search.Query{
			"nothing":         {},
			"blank":           {Text: " \n\t"},
			"too long":        {Text: strings.Repeat("é", 10_001)},
			"an unknown mode": {Text: "x", Mode: "fuzzy"},
		} {
			_, err := f.Access().Search(t.Context(), q)
			require.True(t, fault.Is(err, fault.Invalid), "%s: %v", name, err)
		}
		for limit, want := range map[int]int{0: 20, -3: 1, 1: 1, 100: 100, 101: 100, 1 << 40: 100} {
			require.Len(t, f.Search(search.Query{Text: "caravan", Limit: limit, ContextChunks: 1 << 40}).Hits, want)
		}
		for _, text := range []string{"?!", "the of and", "caravan\x00\xff", "\x00", strings.Repeat("é", 10_000), "' OR \"1\"=\"1", "NEAR(caravan *", `\'caravan\`} {
			found := f.Search(search.Query{Text: text})
			require.NotNil(t, found.Hits, "%q", text)
		}
		ended, end := context.WithCancel(t.Context())
		end()
		_, err := f.Access().Search(ended, search.Query{Text: "caravan"})
		require.True(t, fault.Is(err, fault.Canceled), "%v", err)
	})
}

func TestAHitSaysWhereItWasSaid(t *testing.T) {
	historytest.Each(t, func(t *testing.T, f *historytest.Fixture) {
		at := time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC)
		u := historytest.Upload("x", "Which cheese goes with pears?", "Roquefort, of course.", "And with figs?", "Fresh goat cheese goes with figs.")
		for i := range u.Messages {
			u.Messages[i].CreatedAt = at.Add(time.Duration(i) * time.Hour)
		}
		u.Platform = "claude"
		id := f.Ingest(u).Conversation.ID
		f.Index()
		turns := f.Transcript(id).Turns
		for query, position := range map[string]int{"pears": 0, "Roquefort": 1, "goat figs": 3, "figs": 2} {
			hits := f.Search(search.Query{Text: query}).Hits
			require.Len(t, hits, 1, query)
			hit, said := hits[0], turns[position]
			require.Equal(t, []any{id, "About x", said.ID, said.Sender, said.CreatedAt}, []any{hit.ConversationID, hit.Title, hit.MessageID, hit.Sender, hit.Time}, query)
			require.Equal(t, said.Text, hit.Text, "the message's own words alone")
			for _, turn := range turns {
				require.Contains(t, hit.Block(), turn.Text, "the whole passage")
			}
			require.InDelta(t, 1, hit.Score, 0.01, "it has every word of the query")
			require.NotNil(t, hit.Context)
		}
		none := f.Search(search.Query{Text: "pears", Filter: chat.Filter{Platform: "chatgpt"}})
		require.Empty(t, none.Hits)
		require.NotNil(t, none.Hits)
		require.Len(t, f.Search(search.Query{Text: "pears", Filter: chat.Filter{Platform: "claude", Title: "ABOUT"}}).Hits, 1)
	})
}

// Highlights are runes of the text, whatever script it is in, and what they mark
// is what was asked for.
func TestHighlights(t *testing.T) {
	historytest.Each(t, func(t *testing.T, f *historytest.Fixture) {
		f.Ingest(historytest.Upload("x", "👩‍👩‍👧 Größere Äpfel 🍏 für die Straßenbahn: e\u0301clair, 東京タワーへ行く user_id=42 ÄPFEL", "Да, яблоки!"))
		f.Index()
		for query, want := range map[string][]string{
			"äpfel":        {"Äpfel", "ÄPFEL"},
			"éclair":       {"e\u0301clair"},
			"東京":           {"東京"},
			"user_id":      {"user_id"},
			"яблоко":       {"яблоки"},
			"straßenbahn ": {"Straßenbahn"},
		} {
			hits := f.Search(search.Query{Text: query, Mode: search.Keyword}).Hits
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
		require.Equal(t, []text.Span{}, f.Search(search.Query{Text: "zzzz", Mode: search.Semantic, MinScore: new(0.0)}).Hits[0].Highlights)
	})
}

// Neighbours are in order, half before and half after, and never from another conversation.
func TestContext(t *testing.T) {
	historytest.Each(t, func(t *testing.T, f *historytest.Fixture) {
		const passages = 9
		for _, name := range []string{"before", "x", "after"} {
			var texts []string
			for i := range passages { // each message is a passage of its own
				texts = append(texts, historytest.Words(historytest.Word(name, i), 100))
			}
			f.Ingest(historytest.Upload(name, texts...))
		}
		f.Index()
		for _, c := range []struct {
			at, asked int
			want      []int
		}{
			{4, 0, nil}, {4, -1, nil}, {4, 1, []int{5}}, {4, 2, []int{3, 5}}, {4, 3, []int{3, 5, 6}}, {4, 4, []int{2, 3, 5, 6}},
			{0, 4, []int{1, 2}}, {8, 4, []int{6, 7}}, {1, 4, []int{0, 2, 3}}, {4, 20, []int{0, 1, 2, 3, 5, 6, 7, 8}}, {4, 1000, []int{0, 1, 2, 3, 5, 6, 7, 8}},
		} {
			hits := f.Search(search.Query{Text: historytest.Word(historytest.Word("x", c.at), 7), Mode: search.Keyword, ContextChunks: c.asked}).Hits
			require.Len(t, hits, 1)
			var got []int
			for _, p := range hits[0].Context {
				for i := range passages {
					if strings.Contains(p.Text, historytest.Word(historytest.Word("x", i), 7)+" ") {
						got = append(got, i)
						require.Equal(t, []chat.Sender{chat.Human, chat.Assistant}[i%2], p.Sender)
						require.Equal(t, historytest.Now(), p.Time)
						require.True(t, strings.HasPrefix(p.Text, historytest.Word(historytest.Word("x", i), 0)+" "), p.Text)
						require.Contains(t, p.Block(), p.Text)
						require.NotEmpty(t, p.MessageID)
					}
				}
				require.NotContains(t, p.Text, "before")
				require.NotContains(t, p.Text, "after")
			}
			require.Equal(t, c.want, got, "%+v", c)
		}
		both := f.Search(search.Query{Text: historytest.Word(historytest.Word("x", 4), 7) + " " + historytest.Word(historytest.Word("x", 5), 7), Mode: search.Keyword, ContextChunks: 2}).Hits
		require.Len(t, both, 2, "a hit may stand in another's context")
		for _, hit := range both {
			require.Len(t, hit.Context, 2)
		}
	})
}

// A word of the query finds its passage in any inflection, on both databases.
func TestWordsMeetTheirForms(t *testing.T) {
	historytest.Each(t, func(t *testing.T, f *historytest.Fixture) {
		id := f.Ingest(historytest.Upload("x", "She was running through the cities", "Running is healthy")).Conversation.ID
		f.Index()
		for _, query := range []string{"run", "RUNS", "city", "City's"} {
			require.NotEmpty(t, text.Terms(query))
			hits := f.Search(search.Query{Text: query, Mode: search.Keyword}).Hits
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
	historytest.Each(t, func(t *testing.T, f *historytest.Fixture) {
		ids := map[string]chat.ConversationID{}
		for script, text := range said {
			ids[script] = f.Ingest(historytest.Upload(script, text)).Conversation.ID
		}
		f.Index()
		for script, queries := range asked {
			for _, query := range queries {
				hits := f.Search(search.Query{Text: query, Mode: search.Keyword}).Hits
				require.Len(t, hits, 1, "%s: %s", script, query)
				require.Equal(t, ids[script], hits[0].ConversationID, "%s: %s", script, query)
				require.NotEmpty(t, hits[0].Highlights, "%s: %s", script, query)
			}
		}
	})
}

// A passage that is deleted during a search is not in the answer, even if the keyword leg has already found it.
func TestASearchMissesWhatIsDeletedMeanwhile(t *testing.T) {
	historytest.Each(t, func(t *testing.T, f *historytest.Fixture) {
		gone := f.Ingest(historytest.Upload("gone", "The ferry leaves at nine.")).Conversation.ID
		stays := f.Ingest(historytest.Upload("stays", "The ferry leaves at ten.")).Conversation.ID
		f.Index()
		deleting := f.With(func(o *history.Options) {
			o.Embedder = embedding{f.Embedder, func() {
				_, err := f.Access().DeleteConversations(t.Context(), []chat.ConversationID{gone}, chat.DeleteOptions{})
				require.NoError(t, err)
			}}
		})
		hits := deleting.Search(search.Query{Text: "ferry"}).Hits
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
