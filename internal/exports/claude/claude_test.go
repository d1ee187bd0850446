package claude

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/exports/exportstest"
	"github.com/lethe-chat/lethe/internal/exports/readtest"
)

func TestClaude(t *testing.T) { exportstest.Run(t, Format(), "testdata") }

func TestInjectedTextIsNowhere(t *testing.T) {
	found := readtest.ReadAll(Format(), readtest.Dir(t, "testdata/export").All())
	require.NotContains(t, found.String(), "MEMORY")
	require.NotContains(t, found.String(), "not supported on your current device")
	require.Equal(t, 1, found.Warnings[Injected])
}

func TestTheIndexSaysWhatToDownload(t *testing.T) {
	var files []string
	for i := range 12 {
		files = append(files, fmt.Sprintf(`{"name":"conversations-%03d.zip","export_url":"https://example.com/secret/%d"}`, i, i))
	}
	m, _ := readtest.Files(map[string][]byte{"manifest-1.json": []byte(`{"version":1,"data_files":[` + strings.Join(files, ",") + `]}`)}).Member("manifest-1.json")
	require.True(t, readtest.Recognised(Index(), m))
	require.False(t, readtest.Recognised(Format(), m))
	found := readtest.Read(Index(), m)
	require.NoError(t, found.Err)
	require.Empty(t, found.Conversations)
	require.Len(t, found.Notes, 1)
	require.Contains(t, found.Notes[0], "manifest-1.json is the index of a Claude export; download the 12 files that it lists")
	require.Contains(t, found.Notes[0], "conversations-009.zip and 2 more")
	require.NotContains(t, found.Notes[0], "secret", "an address is a secret")
}

func FuzzClaude(f *testing.F) { readtest.Fuzz(f, Format(), "testdata/export") }

func FuzzIndex(f *testing.F) {
	f.Add([]byte(`{"data_files":[{"name":"a.zip","export_url":"https://example.com"}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, _ := readtest.Files(map[string][]byte{"m.json": data}).Member("m.json")
		require.NoError(t, readtest.Read(Index(), m).Err)
	})
}
