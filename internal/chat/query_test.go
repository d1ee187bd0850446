package chat

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestFiltersThatNothingCanPass(t *testing.T) {
	id := NewID()
	for name, c := range map[string]struct {
		filter Filter
		want   bool
	}{
		"no filter":             {Filter{}, false},
		"a platform":            {Filter{Platform: "chat-gpt_4.1"}, false},
		"no platform":           {Filter{Platform: "chat gpt"}, true},
		"an import":             {Filter{ImportID: id}, false},
		"an import in capitals": {Filter{ImportID: strings.ToUpper(id)}, false},
		"no import":             {Filter{ImportID: id[1:]}, true},
		"a title":               {Filter{Title: "' % \\ \""}, false},
		"the longest title":     {Filter{Title: strings.Repeat("é", MaxTitleRunes)}, false},
		"a longer one":          {Filter{Title: strings.Repeat("é", MaxTitleRunes+1)}, true},
		"a title with NUL":      {Filter{Title: "a\x00"}, true},
		"a broken title":        {Filter{Title: "a\xff"}, true},
	} {
		require.Equal(t, c.want, c.filter.PassesNothing(), name)
	}
}
