package search

import (
	"context"
	"sync"

	"github.com/lethe-chat/lethe/internal/embed"
	"github.com/lethe-chat/lethe/internal/rank"
)

// backgroundTexts have nothing to do with each other. How near a query is to them tells what a
// cosine of it means with the model at hand. Other texts need other weights in rank.Relevance.
var backgroundTexts = []string{
	"I repotted the basil and moved it to the window.", "The train to the coast leaves at half past nine.",
	"Set the variable in the configuration file and restart the server.", "My sister's wedding is in September and I still need a suit.",
	"The function returns an error when the list is empty.", "We watched a film about a chess player last night.",
	"Take one tablet in the morning with a glass of water.", "The invoice is due within thirty days.",
	"She practises the violin for an hour every evening.", "Add two eggs, a cup of flour and a pinch of salt.",
	"The meeting was moved to Thursday afternoon.", "Our dog chased a squirrel up the old oak tree.",
	"The rent includes heating but not electricity.", "I would like to learn how to paint with watercolours.",
	"The query is slow because the table has no index.", "He ran the marathon in under four hours.",
	"The museum is closed on Mondays.", "You could try a shorter title for the essay.",
	"It rained the whole weekend, so we stayed at home.", "The battery lasts about ten hours.",
	"Can you explain how interest is calculated?", "The team lost the match in the last minute.",
	"Here is a summary of the chapter on the French Revolution.", "I feel much better since I changed jobs.",
}

// background has the vectors of backgroundTexts once a query needed them.
type background struct {
	mutex   sync.Mutex
	vectors [][]float32
}

// backgroundOf returns the background of a query's vector. It returns false when the embedder
// does not answer; the next query asks again.
func (q *queryEmbedder) backgroundOf(ctx context.Context, vector []float32) (rank.Background, bool) {
	cosines := make([]float64, 0, len(backgroundTexts))
	for _, v := range q.backgroundVectors(ctx) {
		if len(v) == len(vector) {
			cosines = append(cosines, embed.Cosine(v, vector))
		}
	}
	return rank.NewBackground(cosines)
}

func (q *queryEmbedder) backgroundVectors(ctx context.Context) [][]float32 {
	q.texts.mutex.Lock()
	defer q.texts.mutex.Unlock()
	if q.texts.vectors == nil {
		ctx, cancel := context.WithTimeout(ctx, q.patience)
		defer cancel()
		if vectors, err := embed.Call(ctx, q.embedder, backgroundTexts); err == nil {
			q.texts.vectors = vectors
		}
	}
	return q.texts.vectors
}
