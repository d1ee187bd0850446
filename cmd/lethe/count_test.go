package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestNumbersHaveTheRightNoun(t *testing.T) {
	require.Equal(t, "0 conversations", count(0, "conversation"))
	require.Equal(t, "1 conversation", count(1, "conversation"))
	require.Equal(t, "2 conversations", count(2, "conversation"))
}
