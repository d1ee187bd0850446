package storetest

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// In CI, the tests of PostgreSQL must not be left out because the URL is not set.
func TestKinds(t *testing.T) {
	for name, c := range map[string]struct {
		environment map[string]string
		want        []string
		fails       string
	}{
		"an editor":               {map[string]string{}, []string{SQLite}, ""},
		"a PostgreSQL":            {map[string]string{URLVariable: "postgres://x"}, []string{SQLite, Postgres}, ""},
		"a PostgreSQL in CI":      {map[string]string{URLVariable: "postgres://x", "CI": "true"}, []string{SQLite, Postgres}, ""},
		"none in CI":              {map[string]string{"CI": "true"}, nil, "make test"},
		"no CI, said so":          {map[string]string{"CI": "false"}, []string{SQLite}, ""},
		"a URL that got lost":     {map[string]string{URLVariable: ""}, nil, "is empty"},
		"a URL that got lost, CI": {map[string]string{URLVariable: "", "CI": "1"}, nil, "is empty"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := kinds(func(name string) (string, bool) {
				value, given := c.environment[name]
				return value, given
			})
			if c.fails != "" {
				require.ErrorContains(t, err, c.fails)
				return
			}
			require.NoError(t, err)
			require.Equal(t, c.want, got)
		})
	}
}
