package app_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/app/apptest"
	"github.com/lethe-chat/lethe/internal/store/storetest"
	"github.com/lethe-chat/lethe/pkg/api"
	"github.com/lethe-chat/lethe/pkg/client"
)

// together starts all functions at the same moment and waits for them.
func together(functions ...func()) {
	start := make(chan struct{})
	var all sync.WaitGroup
	for _, f := range functions {
		all.Go(func() {
			<-start
			f()
		})
	}
	close(start)
	all.Wait()
}

// nothingLeft checks after a race that what exists is complete and that what was deleted
// left no rows.
func nothingLeft(t testing.TB, db storetest.Database) {
	t.Helper()
	require.Empty(t, db.Orphans(t))
	require.Empty(t, db.Damage(t))
}

// If several deletes name the same id at the same time, exactly one reports it, whatever
// the order of their lists, and none fails.
func TestDeletesOfTheSameIDAtOnce(t *testing.T) {
	const rounds, each, deleters = 25, 4, 4
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		s := apptest.Start(t, db)
		for round := range rounds {
			var ids []string
			for i := range each {
				ids = append(ids, s.Upload(t, fmt.Sprint(round, "-", i), "words to lose", "lost"))
			}
			if round%2 == 0 {
				s.Ready(t, ids...) // otherwise the deletes would race the indexing too
			}
			var answers [deleters]api.DeleteAnswer
			var errs [deleters]error
			var deletes []func()
			for i := range deleters {
				order := slices.Clone(ids)
				if i%2 == 1 {
					slices.Reverse(order)
				}
				deletes = append(deletes, func() { answers[i], errs[i] = s.Client.Delete(t.Context(), order...) })
			}
			together(deletes...)
			reported := map[string]int{}
			for i := range deleters {
				require.NoError(t, errs[i])
				require.Equal(t, len(answers[i].Deleted), answers[i].Count)
				for _, id := range answers[i].Deleted {
					reported[id]++
				}
			}
			require.Len(t, reported, each)
			for _, id := range ids {
				require.Equal(t, 1, reported[id], "each id must be reported once")
			}
		}
		s.Idle(t)
		nothingLeft(t, db)
		require.Zero(t, db.Rows(t)["conversations"])
		s.Stop(t)
		require.Zero(t, db.Deadlocks(t))
	})
}

// A delete during re-uploads reports and deletes the old conversation. Uploads after it
// create a new, complete one.
func TestDeleteWhileUploading(t *testing.T) {
	const rounds, uploaders, deleters = 40, 3, 2
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		s := apptest.Start(t, db)
		for round := range rounds {
			old := s.Upload(t, "disputed", "the first words", "the second", "the third")
			var mu sync.Mutex
			uploaded, deleted := map[string]bool{}, map[string]int{}
			var failures []error
			note := func(err error, fn func()) {
				mu.Lock()
				defer mu.Unlock()
				if err != nil {
					failures = append(failures, err)
					return
				}
				fn()
			}
			var racers []func()
			for range uploaders {
				racers = append(racers, func() {
					answer, err := s.Client.Upload(t.Context(), apptest.Conversation("disputed", "the first words", "the second", "the third", "the fourth"))
					note(err, func() { uploaded[answer.ConversationID] = true })
				})
			}
			for range deleters {
				racers = append(racers, func() {
					answer, err := s.Client.Delete(t.Context(), old)
					note(err, func() {
						for _, id := range answer.Deleted {
							deleted[id]++
						}
					})
				})
			}
			together(racers...)
			require.Empty(t, failures, "round %d", round)
			require.Equal(t, map[string]int{old: 1}, deleted)
			_, err := s.Client.Get(t.Context(), old)
			require.True(t, client.IsNotFound(err), "%v", err)

			var there []string
			for c, err := range s.Client.All(t.Context(), client.ListOptions{}) {
				require.NoError(t, err)
				there = append(there, c.ID)
			}
			require.LessOrEqual(t, len(there), 1, "one external id names one conversation")
			for _, id := range there {
				require.True(t, uploaded[id])
				whole, err := s.Client.Get(t.Context(), id)
				require.NoError(t, err)
				require.Equal(t, 4, whole.Total)
				_, err = s.Client.Delete(t.Context(), id)
				require.NoError(t, err)
			}
		}
		s.Idle(t)
		nothingLeft(t, db)
		s.Stop(t)
		require.Zero(t, db.Deadlocks(t))
	})
}

// Many clients delete, upload and edit a few conversations at the same time. Every answer
// is one that the API documents, and what remains is complete and searchable.
func TestEverybodyAtOnce(t *testing.T) {
	const people, rounds, chats = 6, 25, 3
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		s := apptest.Start(t, db)
		var mu sync.Mutex
		var failures []error
		fail := func(err error) {
			var answered *client.Error
			if err == nil || (errors.As(err, &answered) && answered.Status == http.StatusNotFound) {
				return // another client has deleted the conversation
			}
			mu.Lock()
			defer mu.Unlock()
			failures = append(failures, err)
		}
		var everybody []func()
		for person := range people {
			everybody = append(everybody, func() {
				for round := range rounds {
					name := strconv.Itoa((person + round) % chats)
					answer, err := s.Client.Upload(t.Context(), apptest.Conversation(name, "question "+name, "answer "+name, fmt.Sprint("more ", person, " ", round)))
					if err != nil {
						fail(fmt.Errorf("upload: %w", err))
						continue
					}
					switch round % 3 {
					case 0:
						_, err = s.Client.Delete(t.Context(), answer.ConversationID)
					case 1:
						_, err = s.Client.Edit(t.Context(), api.EditRequest{ConversationID: answer.ConversationID, Title: new("Renamed")})
					default:
						_, err = s.Client.Search(t.Context(), api.SearchRequest{Query: "question"})
					}
					fail(err)
				}
			})
		}
		together(everybody...)
		require.Empty(t, failures)
		s.Idle(t)
		nothingLeft(t, db)
		for c, err := range s.Client.All(t.Context(), client.ListOptions{}) {
			require.NoError(t, err)
			require.Contains(t, s.Finds(t, "question answer"), c.ID)
		}
		s.Stop(t)
		require.Zero(t, db.Deadlocks(t))
	})
}

// A new text arrives while the old one is being indexed. The worker's result for the old
// text is never stored.
func TestUploadAgainWhileIndexing(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		gate := apptest.NewGate()
		s := apptest.Start(t, db, apptest.WithEmbedder(gate), apptest.WithEnv("LETHE_INDEX_WORKERS=1"))
		titled := func(texts ...string) api.UploadRequest {
			u := apptest.Conversation("edited", texts...)
			u.Conversation.Title = new("What is mine")
			return u
		}
		gate.Shut()
		id := upload(t, s, titled("the snarkfeld is mine", "so it is"))
		gate.Arrived(t)
		require.Equal(t, id, upload(t, s, titled("the wobbelring is mine", "so it is", "for ever")))
		gate.Next()
		gate.Arrived(t) // the one worker has finished the old text
		require.Empty(t, db.Mentions(t, "snarkfeld"), "the old text must not be stored; the words are those of the new one")
		gate.Open()
		s.Ready(t, id)
		require.Empty(t, db.Mentions(t, "snarkfeld"))
		require.Empty(t, s.Finds(t, "snarkfeld"))
		require.Equal(t, []string{id}, s.Finds(t, "wobbelring"))
		whole, err := s.Client.Get(t.Context(), id)
		require.NoError(t, err)
		require.Equal(t, 3, whole.Total)
		nothingLeft(t, db)
	})
}

// A delete during a search and a recall: both answer, without the deleted conversation.
func TestDeleteWhileSearching(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		gate := apptest.NewGate()
		s := apptest.Start(t, db, apptest.WithEmbedder(gate))
		gone := s.Upload(t, "gone", "the snarkfeld is mine", "so it is")
		stays := s.Upload(t, "stays", "the snarkfeld is yours", "so it is")
		s.Ready(t, gone, stays)

		gate.Shut()
		var found api.SearchAnswer
		var recalled api.RecallAnswer
		var searching, recalling error
		var asking sync.WaitGroup
		asking.Go(func() {
			found, searching = s.Client.Search(t.Context(), api.SearchRequest{Query: "whose is the snarkfeld"})
		})
		asking.Go(func() {
			recalled, recalling = s.Client.Recall(t.Context(), api.RecallRequest{Query: new("whose is the snarkfeld")})
		})
		gate.Arrived(t)
		gate.Arrived(t)
		answer, err := s.Client.Delete(t.Context(), gone)
		require.NoError(t, err)
		require.Equal(t, []string{gone}, answer.Deleted)
		gate.Open()
		asking.Wait()
		require.NoError(t, searching)
		require.NoError(t, recalling)
		require.NotEmpty(t, found.Results)
		for _, r := range found.Results {
			require.Equal(t, stays, r.ConversationID)
		}
		require.NotEmpty(t, recalled.Sources)
		for _, source := range recalled.Sources {
			require.Equal(t, stays, source.ConversationID)
		}
		require.NotContains(t, recalled.Content, "is mine")
		nothingLeft(t, db)
	})
}

// Searches run all the time while conversations are deleted one by one. None fails, and
// none that begins after an answered delete shows what it deleted.
func TestSearchesNeverShowTheDeleted(t *testing.T) {
	const conversations, searchers = 30, 3
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		s := apptest.Start(t, db)
		var ids []string
		for i := range conversations {
			ids = append(ids, s.Upload(t, strconv.Itoa(i), "we talked of the snarkfeld", "we did, number "+strconv.Itoa(i)))
		}
		s.Ready(t, ids...)
		ctx, stop := context.WithCancel(t.Context())
		var mu sync.Mutex
		gone := map[string]bool{}
		var failures []error
		search := func() {
			for ctx.Err() == nil {
				mu.Lock()
				before := len(gone)
				deleted := make(map[string]bool, before)
				for id := range gone {
					deleted[id] = true
				}
				mu.Unlock()
				answer, err := s.Client.Search(t.Context(), api.SearchRequest{Query: "snarkfeld", Limit: new(100)})
				for _, r := range answer.Results {
					if deleted[r.ConversationID] {
						err = fmt.Errorf("a search shows %s, which was deleted before it began", r.ConversationID)
					}
				}
				if err != nil {
					mu.Lock()
					failures = append(failures, err)
					mu.Unlock()
					return
				}
			}
		}
		remove := func() {
			defer stop()
			for _, id := range ids {
				answer, err := s.Client.Delete(t.Context(), id)
				mu.Lock()
				if gone[id] = true; err != nil || answer.Count != 1 {
					failures = append(failures, fmt.Errorf("delete of %s: %v, %w", id, answer, err))
				}
				mu.Unlock()
			}
		}
		together(append(slices.Repeat([]func(){search}, searchers), remove)...)
		require.Empty(t, failures)
		require.Empty(t, s.Finds(t, "snarkfeld"))
		nothingLeft(t, db)
	})
}

// Several programs on one database share the work, and a delete through one is valid for
// all.
func TestSeveralProgramsOnOneDatabase(t *testing.T) {
	const conversations = 20
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		gate := apptest.NewGate()
		one, two := apptest.Start(t, db, apptest.WithEmbedder(gate)), apptest.Start(t, db, apptest.WithEmbedder(gate))
		gate.Shut()
		var ids []string
		for i := range conversations {
			ids = append(ids, one.Upload(t, strconv.Itoa(i), "we talked of the snarkfeld", "we did, number "+strconv.Itoa(i)))
		}
		gate.Arrived(t)
		answer, err := two.Client.Delete(t.Context(), ids[:conversations/2]...)
		require.NoError(t, err)
		require.Equal(t, ids[:conversations/2], answer.Deleted)
		gate.Open()
		one.Ready(t, ids[conversations/2:]...)
		require.ElementsMatch(t, ids[conversations/2:], two.Finds(t, "snarkfeld"))
		one.Idle(t)
		nothingLeft(t, db)
	})
}

func status(t testing.TB, s *apptest.Service, id string) api.IndexStatus {
	t.Helper()
	for c, err := range s.Client.All(t.Context(), client.ListOptions{PageSize: 100}) {
		require.NoError(t, err)
		if c.ID == id {
			return c.Status
		}
	}
	require.Fail(t, "no such conversation", id)
	return ""
}
