package store_test

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/embed"
	"github.com/lethe-chat/lethe/internal/rank"
	"github.com/lethe-chat/lethe/internal/store"
	"github.com/lethe-chat/lethe/internal/store/storetest"
)

// The corpus that both databases search has the same ids, words and vectors, generated
// from one seed. Words follow Zipf's law, as in real texts.
const (
	parityConversations = 60
	parityChunks        = 400
	parityVocabulary    = 2000
	parityQueries       = 50
	parityTop           = 10
)

// halfTolerance is the largest difference between scores because PostgreSQL stores
// vectors as halves. Rounding moves a unit vector by at most 2^-11 of its length, and any
// cosine by as much, and the query's rounding adds the same: 0.00098. The scores of a leg
// are then scaled to 0..1 and weighted by 0.4, which leaves about the same difference.
// The rest is margin.
const halfTolerance = 2e-3

type corpus struct {
	conversations []chat.Transcript
	chunks        [][][]string // terms, by conversation and position
	queries       [][]string
	filters       []chat.Filter // one a query; most are empty
}

func zipfCorpus(t *testing.T) corpus {
	t.Helper()
	random := rand.New(rand.NewPCG(2026, 3))
	words := rand.NewZipf(random, 1.07, 4, parityVocabulary-1)
	word := func() string { return fmt.Sprintf("w%d", words.Uint64()) }
	var c corpus
	for i := range parityConversations {
		fresh := transcript(t, fmt.Sprint(i), "text")
		var id uuid.UUID
		for b := range id {
			id[b] = byte(random.Uint32())
		}
		fresh.ID = chat.ConversationID(id.String()) // random ids, so that rows are not stored in the order of their keys
		fresh.Platform = []string{"chatgpt", "claude", "gemini"}[i%3]
		c.conversations = append(c.conversations, fresh)
		c.chunks = append(c.chunks, nil)
	}
	for range parityChunks {
		terms := make([]string, 5+random.IntN(90))
		for i := range terms {
			terms[i] = word()
		}
		i := random.IntN(parityConversations)
		c.chunks[i] = append(c.chunks[i], terms)
	}
	for i := range parityQueries {
		query := make([]string, 1+random.IntN(8))
		for i := range query {
			query[i] = word()
		}
		c.queries = append(c.queries, query)
		c.filters = append(c.filters, chat.Filter{})
		if i%5 == 4 {
			c.filters[i].Platform = "claude"
		}
	}
	return c
}

// into stores the corpus, and another workspace with the same words.
func (c corpus) into(t *testing.T, s *store.Store) chat.WorkspaceID {
	t.Helper()
	noisy, ws := workspace(t, s, "noisy"), workspace(t, s, "w")
	add := func(ws chat.WorkspaceID, repeat int) {
		createAll(t, s, ws, c.conversations...)
		terms := map[chat.ConversationID][][]string{}
		for i, fresh := range c.conversations {
			terms[fresh.ID] = c.chunks[i]
		}
		for _, claimed := range claim(t, s, parityConversations) {
			x := store.Indexed{Model: embed.NewHash().Model(), Tokens: 1}
			for i, list := range terms[claimed.Conversation] {
				text := strings.Join(list, " ")
				vectors, err := embed.NewHash().Embed(ctx, []string{text})
				require.NoError(t, err)
				var said []string
				for range repeat {
					said = append(said, list...)
				}
				x.Chunks = append(x.Chunks, store.IndexedChunk{Position: i, Text: text, Terms: said, Vector: vectors[0]})
			}
			require.NoError(t, finishAs(s, claimed, x))
		}
	}
	add(noisy, 3)
	add(ws, 1)
	return ws
}

// answers are the answers of one database to every query.
type answers struct {
	keyword, semantic [][]rank.Scored
	fused             [][]rank.Fused
}

func (c corpus) ask(t *testing.T, s *store.Store, ws chat.WorkspaceID) (a answers) {
	t.Helper()
	for i, query := range c.queries {
		vectors, err := embed.NewHash().Embed(ctx, []string{strings.Join(query, " ")})
		require.NoError(t, err)
		words := keyword(t, s, ws, c.filters[i], query...)
		meaning := semantic(t, s, ws, embed.NewHash().Model(), c.filters[i], vectors[0]...)
		a.keyword, a.semantic = append(a.keyword, words), append(a.semantic, meaning)
		a.fused = append(a.fused, rank.Fuse(words, meaning, 0.6, store.LegSize))
	}
	return a
}

// oracle is a simple implementation of the keyword leg: BM25 over every chunk.
func (c corpus) oracle(query []string, f chat.Filter) (want []rank.Scored) {
	count := func(list []string, term string) (n int) {
		for _, said := range list {
			if said == term {
				n++
			}
		}
		return n
	}
	distinct := map[string]int{} // and the number of chunks with each
	adjacent := map[rank.Key]float64{}
	docs, total := 0, 0
	for _, chunks := range c.chunks {
		for _, list := range chunks {
			docs, total = docs+1, total+len(list)
			for _, term := range query {
				distinct[term] += 0
			}
			for term := range distinct {
				if count(list, term) > 0 {
					distinct[term]++
				}
			}
		}
	}
	for i, chunks := range c.chunks {
		for position, list := range chunks {
			var tf []int
			var idf []float64
			said := 0
			for term, n := range distinct {
				tf, idf = append(tf, count(list, term)), append(idf, rank.IDF(docs, n))
				said += tf[len(tf)-1]
			}
			if said > 0 && (f.Platform == "" || f.Platform == c.conversations[i].Platform) {
				key := rank.Key{Conversation: c.conversations[i].ID, Position: position}
				want = append(want, rank.Scored{Key: key, Score: rank.Score(tf, idf, len(list), float64(total)/float64(docs))})
				adjacent[key] = adjacency(list, query, func(term string) float64 { return rank.IDF(docs, distinct[term]) })
			}
		}
	}
	want = rank.Top(want, store.LegSize)
	for i := range want {
		want[i].Score += adjacent[want[i].Key]
	}
	return want
}

// adjacency is a simple implementation of rank.Match.Adjacency.
func adjacency(list, query []string, idf func(string) float64) (sum float64) {
	counted := map[[2]string]bool{}
	for i := range len(query) - 1 {
		pair := [2]string{query[i], query[i+1]}
		for j := range len(list) - 1 {
			if pair == [2]string{list[j], list[j+1]} && pair[0] != pair[1] && !counted[pair] {
				counted[pair] = true
				sum += rank.AdjacencyWeight * (idf(pair[0]) + idf(pair[1]))
			}
		}
	}
	return sum
}

func TestBothDatabasesSearchAlike(t *testing.T) {
	c := zipfCorpus(t)
	var found []answers
	for _, kind := range storetest.Kinds(t) {
		s := storetest.New(t, kind).Open(t)
		found = append(found, c.ask(t, s, c.into(t, s)))
	}
	here := found[0]
	for i, query := range c.queries {
		t.Run(strings.Join(query, " "), func(t *testing.T) {
			requireExact(t, c.oracle(query, c.filters[i]), here.keyword[i])
			for _, there := range found[1:] {
				requireSameKeys(t, here.keyword[i], there.keyword[i])
				requireAlike(t, scoresOf(here.semantic[i]), scoresOf(there.semantic[i]))
				requireAlike(t, fusedScores(here.fused[i]), fusedScores(there.fused[i]))
			}
		})
	}
}

// requireExact compares the keyword leg with the oracle: the same score at every rank,
// and every passage with its own score.
func requireExact(t *testing.T, want, got []rank.Scored) {
	t.Helper()
	require.Len(t, got, min(len(want), store.LegSize))
	own := map[rank.Key]float64{}
	for _, w := range want {
		own[w.Key] = w.Score
	}
	best := rank.Fuse(want, nil, 1, store.LegSize) // Fuse is only used for its order
	for i, g := range got {
		require.InDelta(t, own[g.Key], g.Score, 1e-9)
		require.InDelta(t, own[best[i].Key], g.Score, 1e-9, "rank %d", i)
	}
}

// requireSameKeys requires equal keys, because counts of words are exact.
func requireSameKeys(t *testing.T, a, b []rank.Scored) {
	t.Helper()
	require.Len(t, b, len(a))
	for i := range a {
		require.Equal(t, a[i].Key, b[i].Key, "rank %d", i)
		require.InDelta(t, a[i].Score, b[i].Score, 1e-9)
	}
}

func scoresOf(list []rank.Scored) map[rank.Key]float64 {
	scores := map[rank.Key]float64{}
	for _, s := range list {
		scores[s.Key] = s.Score
	}
	return scores
}

func fusedScores(list []rank.Fused) map[rank.Key]float64 {
	scores := map[rank.Key]float64{}
	for _, f := range list {
		scores[f.Key] = f.Score
	}
	return scores
}

// requireAlike compares two answers whose scores differ slightly: each passage in the top
// ten of one is in the other, or would be within the tolerance.
func requireAlike(t *testing.T, a, b map[rank.Key]float64) {
	t.Helper()
	for _, pair := range [][2]map[rank.Key]float64{{a, b}, {b, a}} {
		mine, theirs := pair[0], pair[1]
		last := lastOfTop(theirs)
		for key, score := range mine {
			if score < lastOfTop(mine) {
				continue
			}
			other, ok := theirs[key]
			require.True(t, ok, "%v is missing", key)
			require.InDelta(t, score, other, halfTolerance)
			require.GreaterOrEqual(t, other, last-halfTolerance)
		}
	}
}

// lastOfTop returns the score of the tenth passage.
func lastOfTop(scores map[rank.Key]float64) float64 {
	var list []rank.Scored
	for key, score := range scores {
		list = append(list, rank.Scored{Key: key, Score: score})
	}
	slices.SortFunc(list, func(a, b rank.Scored) int { return cmp.Compare(b.Score, a.Score) })
	if len(list) == 0 {
		return 0
	}
	return list[min(len(list), parityTop)-1].Score
}
