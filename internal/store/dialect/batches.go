package dialect

import (
	"iter"

	"gorm.io/gorm"
)

// MessageBatchText is the largest text of one INSERT of messages, in bytes, unless a
// single message is longer. The driver copies the texts of a statement more than once.
const MessageBatchText = 1 << 20

// messageBatches divides rows into batches for one INSERT each.
func messageBatches(rows []MessageRow) iter.Seq[[]MessageRow] {
	return func(yield func([]MessageRow) bool) {
		from, text := 0, 0
		for i, row := range rows {
			if i > from && (i-from == MessageBatch || text+len(row.Text) > MessageBatchText) {
				if !yield(rows[from:i:i]) {
					return
				}
				from, text = i, 0
			}
			text += len(row.Text)
		}
		if from < len(rows) {
			yield(rows[from:])
		}
	}
}

// InsertMessageBatches writes messages by INSERTs.
func InsertMessageBatches(db *gorm.DB, rows []MessageRow) error {
	for batch := range messageBatches(rows) {
		if err := db.Create(batch).Error; err != nil {
			return err
		}
	}
	return nil
}
