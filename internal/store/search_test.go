package store_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/embed"
	"github.com/lethe-chat/lethe/internal/rank"
	"github.com/lethe-chat/lethe/internal/store"
	"github.com/lethe-chat/lethe/internal/store/storetest"
)

func keyword(t testing.TB, s *store.Store, ws chat.WorkspaceID, f chat.Filter, terms ...string) []rank.Scored {
	t.Helper()
	found, err := s.View(ctx).SearchKeyword(ws, store.Words{Terms: terms}, f)
	require.NoError(t, err)
	return found.Passages
}

func semantic(t testing.TB, s *store.Store, ws chat.WorkspaceID, m embed.Model, f chat.Filter, vector ...float32) []rank.Scored {
	t.Helper()
	found, err := s.View(ctx).SearchSemantic(ws, m, vector, f)
	require.NoError(t, err)
	return found
}

// conversationsOf returns the conversations that were found, sorted, each once.
func conversationsOf(found []rank.Scored) (ids []chat.ConversationID) {
	for _, f := range found {
		ids = append(ids, f.Key.Conversation)
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

func positions(found []rank.Scored) (at []int) {
	for _, f := range found {
		at = append(at, f.Key.Position)
	}
	return at
}

// indexedAs creates a ready conversation with a chunk for each list of terms.
func indexedAs(t testing.TB, s *store.Store, ws chat.WorkspaceID, c chat.Transcript, terms ...[]string) {
	t.Helper()
	createAll(t, s, ws, c)
	var chunks []store.IndexedChunk
	for i, list := range terms {
		chunks = append(chunks, passage(i, nil, list...))
	}
	indexAs(t, s, c.ID, indexed(chunks...))
}

func TestKeywordOrder(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		s := db.Open(t)
		ws := workspace(t, s, "w")
		documents := [][]string{
			0: {"rare", "filler", "filler"},
			1: {"common", "filler", "filler"},
			2: {"common", "common", "filler"},
			3: {"common", "rare", "filler"},
			4: {"common", "filler", "filler", "filler", "filler", "filler"},
			5: {"filler", "filler", "filler"},
		}
		indexedAs(t, s, ws, transcript(t, "x", "text"), documents...)
		require.Equal(t, []int{0, 3}, positions(keyword(t, s, ws, chat.Filter{}, "rare")), "a tie goes to the first")
		require.Equal(t, []int{3, 0, 2, 1, 4}, positions(keyword(t, s, ws, chat.Filter{}, "common", "rare")),
			"both; the rare one; twice; once; once in a long one")
		require.Equal(t, keyword(t, s, ws, chat.Filter{}, "common", "rare"),
			keyword(t, s, ws, chat.Filter{}, "rare", "unknown", "common", "rare"), "order, repeats and unknown words do not matter")
		require.Empty(t, keyword(t, s, ws, chat.Filter{}, "unknown"))
		require.Empty(t, keyword(t, s, ws, chat.Filter{}))
		require.Empty(t, keyword(t, s, ws+100, chat.Filter{}, "common"))

		corpus := rank.Corpus{Docs: 6, AvgTerms: 21.0 / 6}
		for _, f := range keyword(t, s, ws, chat.Filter{}, "common") {
			n := 0
			for _, term := range documents[f.Key.Position] {
				if term == "common" {
					n++
				}
			}
			require.Equal(t, rank.Score([]int{n}, []float64{rank.IDF(6, 4)}, len(documents[f.Key.Position]), corpus.AvgTerms), f.Score)
		}
	})
}

// If many passages contain a query's common words, those that contain only them are not
// read. The scores of the others do not change, and if a filter leaves few passages, none
// is left out.
func TestCommonWordsBringNothingUp(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		o := db.Options()
		o.MaxProposed = 250
		limited, err := store.Open(ctx, o)
		require.NoError(t, err)
		defer func() { require.NoError(t, limited.Close()) }()
		s := db.Open(t)
		ws := workspace(t, s, "w")
		rare, common := transcript(t, "rare", "text"), transcript(t, "common", "text")
		common.Platform = "elsewhere"
		var first, second [][]string
		for i := range 120 {
			first = append(first, slices.Concat([]string{"rare", "common"}, slices.Repeat([]string{"often"}, i%9), slices.Repeat([]string{"filler"}, 60)))
		}
		for i := range 160 {
			second = append(second, slices.Concat(slices.Repeat([]string{"common"}, 1+i%20), slices.Repeat([]string{"often"}, 1+i%20)))
		}
		for range 600 { // so that even the common words weigh something
			second = append(second, slices.Repeat([]string{"filler"}, 20))
		}
		indexedAs(t, s, ws, rare, first...)
		indexedAs(t, s, ws, common, second...)

		words := []string{"common", "rare", "often"}
		all, some := keyword(t, s, ws, chat.Filter{}, words...), keyword(t, limited, ws, chat.Filter{}, words...)
		require.Contains(t, conversationsOf(all), common.ID)
		require.Len(t, some, store.LegSize)
		require.Equal(t, keyword(t, s, ws, chat.Filter{Platform: rare.Platform}, words...), some)
		elsewhere := chat.Filter{Platform: "elsewhere"}
		require.Equal(t, keyword(t, s, ws, elsewhere, words...), keyword(t, limited, ws, elsewhere, words...))
		require.Equal(t, keyword(t, s, ws, chat.Filter{}, "common"), keyword(t, limited, ws, chat.Filter{}, "common"), "a word alone")
	})
}

// A filter limits the results and does not change the scores.
func TestSearchFilters(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		s := db.Open(t)
		ws := workspace(t, s, "w")
		imported := chat.NewID()
		var all []chat.Transcript
		for i := range 8 {
			c := transcript(t, fmt.Sprint(i), "text")
			c.Platform = []string{"chatgpt", "claude"}[i%2]
			c.Title = []string{"Garden", "Tax"}[i/4]
			c.CreatedAt = start.AddDate(0, 0, i)
			c.Pinned = i%4 == 1
			if i == 6 {
				c.ImportID = imported
			}
			all = append(all, c)
		}
		createAll(t, s, ws, all...)
		indexAll(t, s, []string{"word", "more"}, []string{"word"})
		everything := map[rank.Key]float64{}
		for _, f := range keyword(t, s, ws, chat.Filter{}, "word") {
			everything[f.Key] = f.Score
		}
		require.Len(t, everything, 16)
		for _, f := range []chat.Filter{
			{Platform: "claude"}, {Title: "GARD"}, {From: start.AddDate(0, 0, 3)}, {Before: start.AddDate(0, 0, 3)},
			{PinnedOnly: true}, {ImportID: imported}, {Platform: "claude", Title: "tax", From: start.AddDate(0, 0, 6)}, {Platform: "nowhere"},
		} {
			want := listed(all, f)
			slices.Sort(want)
			found := keyword(t, s, ws, f, "word")
			require.Equal(t, want, conversationsOf(found), "%+v", f)
			require.Len(t, found, 2*len(want))
			for _, hit := range found {
				require.Equal(t, everything[hit.Key], hit.Score)
			}
			require.Equal(t, want, conversationsOf(semantic(t, s, ws, testModel, f, 1, 0, 0)), "%+v", f)
		}
	})
}

// Equal scores are ordered by key, and there are at most LegSize results, whatever the
// number of equal passages and the order of their storage.
func TestTiesGoByKey(t *testing.T) {
	const conversations, chunks = 45, 9 // more than are ever candidates
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		s := db.Open(t)
		ws := workspace(t, s, "w")
		var all []chat.Transcript
		var want []rank.Key
		for i := range conversations {
			all = append(all, transcript(t, fmt.Sprint(i), "text"))
			for position := range chunks {
				want = append(want, rank.Key{Conversation: all[i].ID, Position: position})
			}
		}
		slices.Reverse(all) // the last id is stored first
		createAll(t, s, ws, all...)
		lists := make([][]string, chunks)
		for i := range lists {
			lists[i] = []string{"same", "words"}
		}
		indexAll(t, s, lists...)
		for name, found := range map[string][]rank.Scored{
			"keyword":  keyword(t, s, ws, chat.Filter{}, "same"),
			"semantic": semantic(t, s, ws, testModel, chat.Filter{}, 1, 0, 0),
			"filtered": keyword(t, s, ws, chat.Filter{Title: "about"}, "same", "words"),
		} {
			require.Len(t, found, store.LegSize, name)
			for i, f := range found {
				require.Equal(t, want[i], f.Key, name)
				require.Equal(t, found[0].Score, f.Score, name)
			}
		}
	})
}

// The best passages are found among more than are ever read: candidates are ranked by the same formula as the answer.
func TestTheBestOfMany(t *testing.T) {
	const many, best = 320, 480
	fill := func(n int) []string { return slices.Repeat([]string{"filler"}, n) }
	cases := map[string]struct {
		many, best []string
		query      []string
	}{
		"a word that most passages have still tells them apart": {
			slices.Repeat([]string{"common"}, 10), append(fill(40), "common", "most"), []string{"common", "most"},
		},
		"five times in a long passage is more than once in a short one": {
			append(fill(9), "word"), append(fill(27), slices.Repeat([]string{"word"}, 5)...), []string{"word"},
		},
		"shorter is better": {append(fill(30), "word"), append(fill(29), "word"), []string{"word"}},
	}
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		s := db.Open(t)
		for name, c := range cases {
			ws := workspace(t, s, name)
			lists := append(slices.Repeat([][]string{c.many}, many), slices.Repeat([][]string{c.best}, best)...)
			indexedAs(t, s, ws, transcript(t, "x", "text"), lists...)
			found := keyword(t, s, ws, chat.Filter{}, c.query...)
			require.Len(t, found, store.LegSize)
			for i, f := range found {
				require.Equal(t, many+i, f.Key.Position, name)
			}
		}
	})
}

// Texts of other workspaces do not change a score by a single bit.
func TestStatisticsOfWorkspacesDoNotMix(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		s := db.Open(t)
		ws, noisy := workspace(t, s, "w"), workspace(t, s, "noisy")
		indexedAs(t, s, ws, transcript(t, "x", "text"),
			[]string{"alpha", "beta"}, []string{"alpha", "alpha", "gamma"}, []string{"beta", "gamma", "gamma", "delta"}, []string{"delta"})
		queries := [][]string{{"alpha"}, {"beta", "gamma"}, {"alpha", "delta", "gamma"}, {"noise"}}
		ask := func() (answers [][]rank.Scored) {
			for _, q := range queries {
				answers = append(answers, keyword(t, s, ws, chat.Filter{}, q...))
			}
			return append(answers, semantic(t, s, ws, testModel, chat.Filter{}, 1, 0, 0))
		}
		before := ask()
		require.Len(t, before[0], 2)
		long := make([]string, 400)
		for i := range long {
			long[i] = []string{"alpha", "beta", "gamma", "noise"}[i%4]
		}
		for i := range 20 {
			createAll(t, s, noisy, transcript(t, fmt.Sprint(i), "text"))
		}
		indexAll(t, s, long, []string{"alpha"}, long, []string{"delta", "noise"})
		require.Equal(t, before, ask())
		require.Len(t, keyword(t, s, noisy, chat.Filter{}, "noise"), 60)
	})
}

func TestSemanticOrder(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		s := db.Open(t)
		ws := workspace(t, s, "w")
		add := func(name string, m embed.Model, vectors ...[]float32) chat.ConversationID {
			c := added(t, s, ws, name, "text")
			x := store.Indexed{Model: m, Tokens: 1}
			for i, v := range vectors {
				x.Chunks = append(x.Chunks, passage(i, v, "word"))
			}
			indexAs(t, s, c.ID, x)
			return c.ID
		}
		// Halves represent these lengths and products exactly.
		id := add("x", testModel, []float32{0, 1, 0}, []float32{1, 0, 0}, []float32{0, -1, 0}, nil, []float32{1, 0, 0}, []float32{-1, 0, 0})
		add("another model", embed.Model{ID: "other", Dimensions: 3}, []float32{1, 0, 0})
		add("another size", embed.Model{ID: testModel.ID, Dimensions: 4}, []float32{1, 0, 0, 0})

		found := semantic(t, s, ws, testModel, chat.Filter{}, 1, 0, 0)
		require.Equal(t, []chat.ConversationID{id}, conversationsOf(found), "vectors of other models and sizes are not seen")
		require.Equal(t, []int{1, 4, 0, 2, 5}, positions(found))
		for i, want := range []float64{1, 1, 0, 0, -1} {
			require.InDelta(t, want, found[i].Score, 1e-6)
		}
		require.Equal(t, []int{0, 1, 4, 5, 2}, positions(semantic(t, s, ws, testModel, chat.Filter{}, 0, 1, 0)))
		require.Len(t, semantic(t, s, ws, embed.Model{ID: "other", Dimensions: 3}, chat.Filter{}, 1, 0, 0), 1)
		require.Empty(t, semantic(t, s, ws, embed.Model{ID: "none", Dimensions: 3}, chat.Filter{}, 1, 0, 0))
		require.Empty(t, semantic(t, s, ws+100, testModel, chat.Filter{}, 1, 0, 0))
	})
}

// Identifiers keep their punctuation, on both databases.
func TestTermsWithPunctuation(t *testing.T) {
	terms := []string{
		"user_id", "v1.2.3", "e-mail", "src/main.go", "http://x.y:80", "me@example.org", "#42", "c++", "a.b-c_d/e:f@g#h+i",
		"_", ".", "-", "/", ":", "@", "#", "+", "..", "_.-/:@#+", "1:x", "2:x", "世界", "straße", "наука", "ไทย", "\U00020000",
	}
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		s := db.Open(t)
		ws := workspace(t, s, "w")
		var lists [][]string
		for _, term := range terms {
			lists = append(lists, []string{term, "filler", term})
		}
		indexedAs(t, s, ws, transcript(t, "x", "text"), lists...)
		for i, term := range terms {
			found := keyword(t, s, ws, chat.Filter{}, term)
			require.Equal(t, []int{i}, positions(found), "%q is found as a whole, and nothing else", term)
			require.Equal(t, rank.Score([]int{2}, []float64{rank.IDF(len(terms), 1)}, 3, 3), found[0].Score)
		}
	})
}

// Terms never contain quotes or operators (text.Terms). If one did, it would find nothing
// and break nothing.
func TestHostileTerms(t *testing.T) {
	hostile := []string{
		`'`, `''`, `"`, `""`, `\`, `\\`, `\'`, `'\`, `alpha'`, `alpha"`, `"alpha`, `alpha\`, `'alpha'`, `OR`, `AND`, `NOT`, `NEAR`,
		`alpha OR beta`, `alpha" OR "beta`, `alpha' | 'beta`, `alpha | beta`, `alpha & beta`, `!alpha`, `alpha:*`, `alpha*`, `alp*`,
		`^alpha`, `NEAR(alpha beta)`, `NEAR(alpha, 5)`, `(`, `)`, `(alpha)`, `{alpha}`, `terms:alpha`, `-alpha`, `alpha <-> beta`,
		`alpha:A`, `'; DROP TABLE chunks; --`, `$1`, `?`, `%`, `alpha beta`, ` `, ``, "\t", "\n", "alpha\nbeta", "\x00", "alpha\x00",
		"\xff", "alpha\xff", "\u2028", "ALPHA", "2:alpha", "x 2:alpha", ` 2:alpha`, `" 2:alpha`, `(2:alpha`,
	}
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		s := db.Open(t)
		ws, other := workspace(t, s, "w"), workspace(t, s, "other")
		require.Equal(t, []chat.WorkspaceID{1, 2}, []chat.WorkspaceID{ws, other}, "what the terms above count on")
		indexedAs(t, s, ws, transcript(t, "x", "text"), []string{"alpha", "beta"}, []string{"beta"})
		indexedAs(t, s, other, transcript(t, "x", "text"), []string{"alpha", "x", "secret"})
		before := append(dump(t, s, ws), dump(t, s, other)...)
		alpha := keyword(t, s, ws, chat.Filter{}, "alpha")
		require.Len(t, alpha, 1)
		for _, term := range hostile {
			require.Empty(t, keyword(t, s, ws, chat.Filter{}, term), "%q", term)
			require.Equal(t, alpha, keyword(t, s, ws, chat.Filter{}, term, "alpha"), "%q beside a word", term)
		}
		require.Equal(t, alpha, keyword(t, s, ws, chat.Filter{}, append(hostile, "alpha")...), "all at once")
		require.Equal(t, before, append(dump(t, s, ws), dump(t, s, other)...))
	})
}

// A query of many words selects by its rarest, in the same way on both databases.
func TestAQueryOfManyWords(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		s := db.Open(t)
		ws := workspace(t, s, "w")
		var lists [][]string
		var query []string
		for i := range 60 {
			query = append(query, fmt.Sprintf("w%02d", i))
			lists = append(lists, query[:i+1:i+1]) // w00 is in all of them, w59 in one
		}
		indexedAs(t, s, ws, transcript(t, "x", "text"), lists...)
		found := keyword(t, s, ws, chat.Filter{}, query...)
		require.Equal(t, 59, found[0].Key.Position)
		require.Len(t, found, 24, "only passages with one of the 24 rarest words")
	})
}

func TestPassagesAndMessagesByKey(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		s := db.Open(t)
		ws, other := workspace(t, s, "w"), workspace(t, s, "other")
		a, b := added(t, s, ws, "a", "one", "two"), added(t, s, ws, "b", "three")
		foreign := added(t, s, other, "c", "four")
		x := indexed(passage(0, nil, "p0"), passage(1, nil, "p1"), passage(2, nil, "p2"))
		x.Chunks[1].First, x.Chunks[1].Last = 0, 1
		for _, c := range claim(t, s, 10) {
			require.NoError(t, finishAs(s, c, x))
		}
		v := s.View(ctx)
		keys := []rank.Key{
			{Conversation: a.ID, Position: 1}, {Conversation: b.ID, Position: 0}, {Conversation: a.ID, Position: 0},
			{Conversation: a.ID, Position: 99}, {Conversation: chat.ConversationID(chat.NewID()), Position: 0}, {Conversation: foreign.ID, Position: 0},
			{Conversation: a.ID, Position: 1},
		}
		passages, err := v.Passages(ws, keys)
		require.NoError(t, err)
		require.ElementsMatch(t, []store.Passage{
			{Key: keys[0], Title: a.Title, Platform: "custom", Content: quoting("", a.Turns[0], a.Turns[1])},
			{Key: keys[1], Title: b.Title, Platform: "custom", Content: quoting(b.Title, b.Turns[0])},
			{Key: keys[2], Title: a.Title, Platform: "custom", Content: quoting(a.Title, a.Turns[0])},
		}, passages)

		passages, err = v.Passages(ws, nil)
		require.NoError(t, err)
		require.Empty(t, passages)

		var many []rank.Key // as many as the largest search requests
		for i := range store.LegSize {
			for position := range 21 {
				many = append(many, rank.Key{Conversation: chat.ConversationID(fmt.Sprintf("00000000-0000-7000-8000-%012d", i)), Position: position})
			}
		}
		passages, err = v.Passages(ws, append(many, keys...))
		require.NoError(t, err)
		require.Len(t, passages, 3)
	})
}

// Words that stand side by side as in the query count more than the same words apart.
func TestNeighbouringWordsCountMore(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		s := db.Open(t)
		ws := workspace(t, s, "w")
		indexedAs(t, s, ws, transcript(t, "x", "text"),
			[]string{"night", "filler", "train", "filler"}, []string{"train", "night", "filler", "filler"},
			[]string{"filler", "night", "train", "filler"}, []string{"filler", "filler", "filler", "filler"})
		require.Equal(t, []int{2, 0, 1}, positions(keyword(t, s, ws, chat.Filter{}, "night", "train")))
		require.Equal(t, []int{1, 0, 2}, positions(keyword(t, s, ws, chat.Filter{}, "train", "night")))
	})
}

// A day of the query, or the beginning of the days of a month, is found like a word, and weighs
// as much as it fits.
func TestDaysOfTheQuery(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		s := db.Open(t)
		ws := workspace(t, s, "w")
		indexedAs(t, s, ws, transcript(t, "x", "text"),
			[]string{"2023-05-09", "2023", "05", "09"}, []string{"2023-05-08", "2023", "05", "08"},
			[]string{"2023-06-08", "2023", "06", "08"}, []string{"2023-05-08", "2023-05-30", "2023", "05"})
		find := func(days ...store.Day) []int {
			found, err := s.View(ctx).SearchKeyword(ws, store.Words{Days: days}, chat.Filter{})
			require.NoError(t, err)
			require.Zero(t, found.Coverage, "days are not words of the query")
			return positions(found.Passages)
		}
		require.Equal(t, []int{1, 3, 0}, find(store.Day{Term: "2023-05-08", Weight: 1}, store.Day{Term: "2023-05-09", Weight: .5}))
		require.Equal(t, []int{3, 0, 1}, find(store.Day{Term: "2023-05-", Prefix: true, Weight: 1}), "two days of the month, then ties")
		require.Empty(t, find(store.Day{Term: "2022-", Prefix: true, Weight: 1}))
	})
}

// A word that no passage contains is replaced by those that it may have been meant to be, the
// most frequent ones, which count less. A word that some passage contains is not.
func TestSpellingsReplaceOnlyUnknownWords(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		s := db.Open(t)
		ws := workspace(t, s, "w")
		indexedAs(t, s, ws, transcript(t, "x", "text"), []string{"pottery", "class"}, []string{"lottery", "class"}, []string{"class", "class"}, []string{"other"})
		asked := []string{}
		find := func(terms ...string) store.Found {
			found, err := s.View(ctx).SearchKeyword(ws, store.Words{Terms: terms, Spellings: func(term string) []string {
				asked = append(asked, term)
				return []string{"pottery", "potter", "bad term", "lottery"}
			}}, chat.Filter{})
			require.NoError(t, err)
			return found
		}
		found := find("potery", "other")
		require.Equal(t, []int{3, 0, 1}, positions(found.Passages), "the word as it was written counts more")
		require.Equal(t, []string{"potery"}, asked)
		require.Equal(t, []string{"lottery", "pottery"}, found.Weights[1].Spellings)
		require.InDelta(t, 1, find("potery").Coverage, 1e-9)
		asked = nil
		require.Equal(t, []int{3}, positions(find("other").Passages))
		require.Empty(t, asked)
	})
}

// However many words a query has, their frequencies take one statement.
func TestManyTermsTakeOneStatement(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		statements := 0
		o := db.Options()
		o.Trace = func(string) { statements++ }
		s, err := store.Open(ctx, o)
		require.NoError(t, err)
		defer func() { require.NoError(t, s.Close()) }()
		ws := workspace(t, s, "w")
		indexedAs(t, s, ws, transcript(t, "x", "text"), []string{"rare", "filler"})
		terms := []string{"rare"}
		for i := range 1200 {
			terms = append(terms, fmt.Sprint("word", i))
		}
		statements = 0
		require.Len(t, keyword(t, s, ws, chat.Filter{}, "rare", "filler"), 1)
		few := statements
		statements = 0
		require.Len(t, keyword(t, s, ws, chat.Filter{}, terms...), 1)
		require.Equal(t, few, statements)
	})
}
