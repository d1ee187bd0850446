package perplexity

import (
	"testing"

	"github.com/lethe-chat/lethe/internal/exports/exportstest"
	"github.com/lethe-chat/lethe/internal/exports/readtest"
)

func TestExport(t *testing.T) { exportstest.Run(t, Format(), "testdata") }

func FuzzRead(f *testing.F) { readtest.Fuzz(f, Format(), "testdata") }
