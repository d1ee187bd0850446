package history

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAWordIsFoundWhereAWordBegins(t *testing.T) {
	for _, c := range []struct {
		text, word string
		want       bool
	}{
		{"put it in the box", "in", true},
		{"a thing inside", "in", false},
		{"restaurants nearby", "restaurant", true},
		{"prerestaurant", "restaurant", false},
		{"thing, in", "in", true},
		{"春眠不覺曉", "不覺", true},
		{"", "a", false},
		{"über", "ber", false},
	} {
		require.Equal(t, c.want, contains(c.text, c.word), "%q in %q", c.word, c.text)
	}
}
