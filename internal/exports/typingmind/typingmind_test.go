package typingmind

import (
	"testing"

	"github.com/lethe-chat/lethe/internal/exports/readtest"
)

func TestExport(t *testing.T) { readtest.Golden(t, Format(), "testdata") }

func FuzzRead(f *testing.F) { readtest.Fuzz(f, Format(), "testdata") }
