package builtin

import (
	"testing"

	"github.com/lethe-chat/lethe/internal/embed/builtin/matrix"
	"github.com/lethe-chat/lethe/internal/embed/embedtest"
)

func TestConforms(t *testing.T) {
	for _, kernel := range matrix.Kernels() {
		t.Run(kernel.Name, func(t *testing.T) { embedtest.Conform(t, newEmbedder(kernel, 3)) })
	}
}
