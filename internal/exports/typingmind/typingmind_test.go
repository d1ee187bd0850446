package typingmind

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/exports/exportstest"
	"github.com/lethe-chat/lethe/internal/exports/readtest"
)

func TestExport(t *testing.T) { exportstest.Run(t, Format(), "testdata") }

// Standard input can be read once, so the names of the folders behind the chats are not
// known.
func TestStandardInput(t *testing.T) {
	s := readtest.Dir(t, "testdata/export")
	m, _ := s.Member("typingmind-export.json")
	whole := readtest.Read(Format(), m)
	m.Size = -1
	found := readtest.Read(Format(), m)
	require.Equal(t, len(whole.Conversations), len(found.Conversations))
	require.Equal(t, "Garden", whole.Conversations[0].Source.Project)
	require.Empty(t, found.Conversations[0].Source.Project)
	require.Equal(t, whole.Warnings[FolderUnknown]+1, found.Warnings[FolderUnknown])
}

func FuzzRead(f *testing.F) { readtest.Fuzz(f, Format(), "testdata") }
