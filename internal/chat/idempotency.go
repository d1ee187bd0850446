package chat

import "time"

// Limits of idempotency keys.
const (
	IdempotencyKeyLife = 24 * time.Hour // how long a request is recognized by its key
	MaxIdempotencyKeys = 10_000         // how many requests of an API key are recognized; the oldest are forgotten
	MaxIdempotencyKey  = 255            // characters of a key
)
