package grok

import (
	"testing"

	"github.com/lethe-chat/lethe/internal/exports/readtest"
)

func TestExport(t *testing.T) { readtest.Golden(t, Format(), "testdata/export") }

func FuzzRead(f *testing.F) { readtest.Fuzz(f, Format(), "testdata") }
