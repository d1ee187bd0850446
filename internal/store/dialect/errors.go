package dialect

import "github.com/lethe-chat/lethe/internal/fault"

// ErrReadersLeft means that a transaction still reads a state from before the deletes.
var ErrReadersLeft = fault.New(fault.Unavailable, "somebody still reads the database as it was before the last deletes; their storage can be reclaimed when that has ended")
