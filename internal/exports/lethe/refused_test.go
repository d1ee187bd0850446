package lethe_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/exports/format"
	"github.com/lethe-chat/lethe/internal/exports/lethe"
)

// A file with everything of a database is not read as if it were the chats of one workspace.
func TestAFileWithEverythingIsForRestore(t *testing.T) {
	text := []byte(`{"everything":{"version":1,"tombstoneKey":"AA=="}}` + "\n" + `{"workspace":{"name":"w"}}` + "\n" +
		`{"platform":"p","conversation":{"id":"1","messages":[{"role":"human","content":"hello"}]}}` + "\n")
	require.True(t, lethe.Format().Matches(format.NewSample("f", text)))
	found := readFile(text)
	require.Empty(t, found.Conversations)
	require.ErrorContains(t, found.Err, "lethe restore")
}
