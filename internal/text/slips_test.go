package text

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSlips(t *testing.T) {
	for meant, written := range map[string]string{
		"pottery": "potery", "guitar": "gutiar", "camping": "camfing", "hiking": "hikiing", "flute": "lute",
	} {
		require.Subset(t, Slips(written), Terms(meant), written)
		require.NotContains(t, Slips(written), Terms(written)[0], "the word as it is written")
	}
	for _, word := range []string{"", "cat", "naïve", "gpt4", "two words", "pneumonoultramicroscopicsilicovolcanoconiosis"} {
		require.Nil(t, Slips(word), word)
	}
	require.Contains(t, Slips("POTERY"), "potteri")
}
