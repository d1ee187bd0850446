package bitcode_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/rank"
	"github.com/lethe-chat/lethe/internal/store/bitcode"
	"github.com/lethe-chat/lethe/internal/store/storetest"
)

// world is a database, as far as codes know one: each conversation has one vector of
// eight numbers, whose signs are a byte.
type world struct {
	t                testing.TB
	codes            *bitcode.Codes
	version          int64
	vectors          map[chat.ConversationID]byte
	file             bool                           // an actor has the only write lock of the file
	writer           bool                           // this program's one connection for writing is taken
	deleted          []chat.ConversationID          // by transactions of this program that have returned
	elsewhereDeleted []chat.ConversationID          // by other programs
	written          map[chat.ConversationID][]code // everything that searches gave to the codes
}

type code []byte

var space = bitcode.Space{Workspace: 1, Model: "m", Dimensions: 8}

// query gives the estimates of all bytes different values.
var query = bitcode.NewQuery([]float32{1, 2, 4, 8, 16, 32, 64, 128})

func newWorld(t testing.TB) *world {
	return &world{
		t: t, codes: bitcode.New(1 << 20), version: 1, vectors: map[chat.ConversationID]byte{"a": 1, "b": 2},
		written: map[chat.ConversationID][]code{},
	}
}

// actor takes steps, one at a time.
type actor struct {
	waits func() bool // whether its first step must wait for others; nil when never
	steps []func()
}

// search takes a snapshot, reads the codes, reads vectors that have no codes, and stores the codes of these. Its
// result must be the contents of its snapshot.
func (w *world) search() *actor {
	var version int64
	var snapshot map[chat.ConversationID]byte
	var coded bitcode.Found
	var served bool
	var writer *bitcode.Writer
	var wanted []chat.ConversationID
	return &actor{steps: []func(){
		func() { version, snapshot = w.version, maps.Clone(w.vectors) },
		func() {
			if w.codes.Serves(space, version) {
				coded, served = w.codes.Nearest(space, version, query, nil, 10)
				writer = coded.Writer
			}
			if !served {
				writer = w.codes.Build(space, version)
			}
		},
		func() {
			read := slices.Sorted(maps.Keys(snapshot))
			if served {
				read = coded.Unread
			}
			found := scores(coded.Nearest)
			for _, id := range read {
				content, ok := snapshot[id]
				if !ok {
					continue
				}
				if _, twice := found[id]; twice {
					require.NotContains(w.t, found, id)
				}
				found[id] = estimate(content)
				if writer != nil && writer.Wants(id) {
					wanted = append(wanted, id)
				}
			}
			want := map[chat.ConversationID]float64{}
			for id, content := range snapshot {
				want[id] = estimate(content)
			}
			if !maps.Equal(want, found) { // require.Equal is slow, and mostly they are
				require.Equal(w.t, want, found)
			}
		},
		func() {
			if writer == nil {
				return
			}
			for _, id := range wanted {
				made := codeOf(snapshot[id])
				w.written[id] = append(w.written[id], made)
				writer.Put(id, []int32{0}, made)
			}
			writer.Finish()
		},
	}}
}

func codeOf(content byte) code { return append(code{content}, make(code, 7)...) }

func estimate(content byte) float64 { return float64(query.Estimate(codeOf(content))) }

func scores(found []rank.Scored) map[chat.ConversationID]float64 {
	m := map[chat.ConversationID]float64{}
	for _, s := range found {
		m[s.Key.Conversation] = s.Score
	}
	return m
}

// write gives a conversation other vectors, or none, in a transaction of this program. A deleted conversation gets no
// vectors, because its indexer has lost its claim.
func (w *world) write(id chat.ConversationID, content byte, fails bool) *actor {
	var change *bitcode.Change
	return &actor{waits: func() bool { return w.file || w.writer }, steps: []func(){
		func() {
			w.file, w.writer = true, true
			if slices.Contains(w.deleted, id) || slices.Contains(w.elsewhereDeleted, id) {
				fails = true
			}
			change = w.codes.Announce(w.version, w.version+1, bitcode.Conversations{1: {id: {}}})
		},
		func() { // the commit, which others see before its caller learns of it
			w.file = false
			if !fails {
				w.apply(id, content)
				w.version++
			}
		},
		func() {
			w.writer = false
			if fails {
				change.Failed()
				return
			}
			change.Committed()
			if content == 0 {
				w.deleted = append(w.deleted, id)
			}
		},
	}}
}

// elsewhere is write by another program.
func (w *world) elsewhere(id chat.ConversationID, content byte) *actor {
	return &actor{waits: func() bool { return w.file }, steps: []func(){func() {
		w.apply(id, content)
		w.version++
		w.elsewhereDeleted = append(w.elsewhereDeleted, id)
	}}}
}

func (w *world) apply(id chat.ConversationID, content byte) {
	if content == 0 {
		delete(w.vectors, id)
		return
	}
	w.vectors[id] = content
}

// play lets an actor take all of its steps.
func (w *world) play(a *actor) {
	for _, step := range a.steps {
		step()
	}
}

// requireNoneDeleted checks that no deleted conversation has codes.
func (w *world) requireNoneDeleted() {
	for _, id := range w.deleted {
		if codes, known := w.codes.Of(id); known {
			require.FailNow(w.t, "codes of what is deleted", "%s: %x", id, codes)
		}
	}
}

// requireSound ends a run: deleted codes are overwritten everywhere, and the codes of everything else become
// complete.
func (w *world) requireSound() {
	for range 3 {
		w.play(w.search())
		w.requireNoneDeleted()
	}
	found, served := w.codes.Nearest(space, w.version, query, nil, 10)
	require.True(w.t, served)
	require.Empty(w.t, found.Unread)
	require.Len(w.t, found.Nearest, len(w.vectors))
	for id, all := range w.written {
		held, _ := w.codes.Of(id)
		for _, written := range all {
			kept := len(held) > 0 && &held[0][0] == &written[0]
			if !kept && written[0] != 0 {
				require.FailNow(w.t, "codes that are not kept are not overwritten", "%s: %x", id, written)
			}
		}
	}
}

// In any order of the steps of three actors, a search finds the contents of its snapshot, nothing deleted has codes,
// and new vectors get codes.
func TestEveryScheduleOfThreeActors(t *testing.T) {
	beginnings := map[string]func(w *world){
		"no codes":  func(*world) {},
		"all codes": func(w *world) { w.play(w.search()) },
		"a unread": func(w *world) {
			w.play(w.search())
			w.play(w.write("a", 5, false))
		},
	}
	others := []struct {
		name  string
		actor func(w *world) *actor
	}{
		{"search", (*world).search},
		{"delete a", func(w *world) *actor { return w.write("a", 0, false) }},
		{"index a", func(w *world) *actor { return w.write("a", 7, false) }},
		{"a delete that fails", func(w *world) *actor { return w.write("a", 0, true) }},
		{"add c", func(w *world) *actor { return w.write("c", 9, false) }},
		{"another program deletes a", func(w *world) *actor { return w.elsewhere("a", 0) }},
		{"another program deletes b", func(w *world) *actor { return w.elsewhere("b", 0) }},
	}
	for name, begin := range beginnings {
		for i, second := range others {
			for _, third := range others[i:] {
				t.Run(fmt.Sprintf("%s/search, %s, %s", name, second.name, third.name), func(t *testing.T) {
					t.Parallel()
					n := storetest.EverySchedule(func(choose func([]int) int) {
						w := newWorld(t)
						begin(w)
						w.take([]*actor{w.search(), second.actor(w), third.actor(w)}, choose)
						w.requireSound()
					})
					t.Logf("%d schedules", n)
				})
			}
		}
	}
}

// take lets the actors take turns.
func (w *world) take(actors []*actor, choose func([]int) int) {
	started := make([]bool, len(actors))
	for {
		var ready []int
		for i, a := range actors {
			waits := a.waits != nil && !started[i] && a.waits()
			if len(a.steps) > 0 && !waits {
				ready = append(ready, i)
			}
		}
		if len(ready) == 0 {
			return
		}
		i := choose(ready)
		started[i] = true
		step := actors[i].steps[0]
		actors[i].steps = actors[i].steps[1:]
		step()
		w.requireNoneDeleted()
	}
}

// Codes of one workspace are dropped for another's, those that were searched longest
// ago first; a conversation that has no room is read each time, and encoded by none.
func TestTheLimit(t *testing.T) {
	w := newWorld(t)
	w.codes.SetLimit(200) // room for one conversation
	w.play(w.search())
	require.Equal(t, 1, w.codes.Count(1))
	encoded := len(w.written["b"])
	for range 3 {
		w.play(w.search())
		require.LessOrEqual(t, w.codes.Bytes(), int64(200))
		found, served := w.codes.Nearest(space, w.version, query, nil, 10)
		require.True(t, served)
		require.Len(t, found.Nearest, 1)
		require.Len(t, found.Unread, 1)
	}
	require.Len(t, w.written["a"], 1)
	require.Len(t, w.written["b"], encoded)

	w.play(w.write("a", 0, false))
	w.play(w.search())
	require.Len(t, w.written["b"], encoded+1, "there is room now")

	other := w.codes.Build(bitcode.Space{Workspace: 2, Model: "m", Dimensions: 8}, w.version)
	require.True(t, other.Wants("x"))
	other.Put("x", []int32{0}, codeOf(1))
	other.Finish()
	require.Equal(t, []int{0, 1}, []int{w.codes.Count(1), w.codes.Count(2)})
	require.Nil(t, w.codes.Build(bitcode.Space{Workspace: 2, Model: "m", Dimensions: 8}, w.version), "there are some")
}

// A search that fails while it builds leaves nothing.
func TestAbandonedCodes(t *testing.T) {
	c := bitcode.New(1 << 20)
	writer := c.Build(space, 1)
	require.Nil(t, c.Build(space, 1), "one search builds them")
	made := codeOf(3)
	require.True(t, writer.Wants("a"))
	writer.Put("a", []int32{0}, made)
	writer.Abandon()
	require.Equal(t, make(code, 8), made)
	require.Zero(t, c.Bytes())
	require.NotNil(t, c.Build(space, 1), "the next search may try")
}

// After many changes without a search, the codes of the workspace are dropped.
func TestManyChangesEndTheCodes(t *testing.T) {
	w := newWorld(t)
	w.play(w.search())
	many := map[chat.ConversationID]struct{}{}
	for i := range 1001 {
		many[chat.ConversationID(fmt.Sprint(i))] = struct{}{}
	}
	w.codes.Announce(1, 2, bitcode.Conversations{chat.WorkspaceID(1): many}).Committed()
	require.False(t, w.codes.Holds(space))
	require.Zero(t, w.codes.Bytes())
}
