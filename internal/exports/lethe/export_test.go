package lethe_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/exports/exportstest"
	"github.com/lethe-chat/lethe/internal/exports/format"
	"github.com/lethe-chat/lethe/internal/exports/lethe"
	"github.com/lethe-chat/lethe/internal/exports/readtest"
)

func TestExport(t *testing.T) { exportstest.Run(t, lethe.Format(), "testdata") }

// Whatever a file has in it, what was read of it is the same after it was written and read again.
func FuzzRead(f *testing.F) {
	for _, folder := range []string{"testdata/export", "testdata/single"} {
		for _, m := range readtest.Dir(f, folder).All() {
			in, err := m.Open()
			require.NoError(f, err)
			data := make([]byte, m.Size)
			_, err = in.Read(data)
			require.NoError(f, err)
			f.Add(data)
			f.Add(data[:len(data)*2/3])
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		lethe.Format().Matches(format.NewSample("f", data))
		first := written(t, readFile(data))
		require.Equal(t, first, written(t, readFile([]byte(first))))
	})
}

func readFile(data []byte) readtest.Found {
	m, _ := readtest.Files(map[string][]byte{"f": data}).Member("f")
	return readtest.Read(lethe.Format(), m)
}

func written(t *testing.T, found readtest.Found) string {
	var out bytes.Buffer
	for _, c := range found.Conversations {
		require.NoError(t, lethe.WriteUpload(&out, c.Upload))
	}
	return out.String()
}
