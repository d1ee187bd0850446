package perplexity

import (
	"testing"

	"github.com/lethe-chat/lethe/internal/exports/readtest"
)

func TestOfficialExport(t *testing.T) { readtest.Golden(t, Format(), "testdata/official") }
func TestExtension(t *testing.T)      { readtest.Golden(t, Format(), "testdata/extension") }

func FuzzRead(f *testing.F) { readtest.Fuzz(f, Format(), "testdata") }
