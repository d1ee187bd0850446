package dialect

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A statement's values are copied, so the texts of one must not add up to megabytes.
func TestOneInsertCarriesABoundedText(t *testing.T) {
	texts := []int{0, 10, MessageBatchText, 1, 1, 3 * MessageBatchText, MessageBatchText / 2, MessageBatchText / 2, 1}
	for range 2*MessageBatch + 1 {
		texts = append(texts, 3)
	}
	var rows []MessageRow
	for i, n := range texts {
		rows = append(rows, MessageRow{Position: i, Text: strings.Repeat("x", n)})
	}
	next := 0
	for batch := range messageBatches(rows) {
		require.NotEmpty(t, batch)
		total := 0
		for _, row := range batch {
			require.Equal(t, next, row.Position)
			next++
			total += len(row.Text)
		}
		require.LessOrEqual(t, len(batch), MessageBatch)
		if len(batch) > 1 {
			require.LessOrEqual(t, total, MessageBatchText)
		}
	}
	require.Equal(t, len(rows), next)
}
