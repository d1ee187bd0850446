package chat

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestFoldForgetsCaseAndEncoding(t *testing.T) {
	for _, same := range [][]string{
		{"Straße", "STRASSE", "strasse"},
		{"İstanbul", "I\u0307stanbul", "istanbul", "ISTANBUL", "ıstanbul"},
		{"Iğdır", "IĞDIR", "iğdir"},
		{"ΣΊΣΥΦΟΣ", "σίσυφος", "Σίσυφοσ"},
		{"ЁЛКА", "ёлка", "е\u0308лка"},
		{"Äpfel", "A\u0308PFEL", "äpfel"},
		{"ﬁn", "FIN"},
	} {
		for _, s := range same {
			require.Equal(t, Fold(same[0]), Fold(s), s)
			require.Equal(t, Fold(s), Fold(Fold(s)), s)
		}
	}
	require.NotEqual(t, Fold("résumé"), Fold("resume"), "an accent is a letter of its own")
}
