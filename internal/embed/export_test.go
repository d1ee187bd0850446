package embed

import "testing"

// ServeForTest starts an embeddings server and returns its address.
func ServeForTest(t *testing.T) string { return serve(t).URL }
