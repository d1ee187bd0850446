package webtest

import (
	"errors"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

// variable names the program that starts Chromium. The file axe.min.js is beside it.
const variable = "LETHE_TEST_CHROMIUM"

// flow is one test in the browser.
type flow struct {
	name string
	run  func(t *testing.T, b *browser)
}

func TestPage(t *testing.T) {
	t.Parallel()
	program, err := chosen(os.LookupEnv)
	require.NoError(t, err)
	if program == "" {
		t.Logf("%s is not set: `make test` sets it", variable)
		return
	}
	b := start(t, program)
	for _, flows := range [][]flow{signingIn, finding, reading, deleting, bringing, hostile, looks, troubles, ofMessages, ofKeys} {
		for _, f := range flows {
			t.Run(f.name, func(t *testing.T) {
				t.Parallel()
				f.run(t, b)
			})
		}
	}
}

// chosen returns the program that starts the browser, or "" outside of `make test`. As for
// the URL of PostgreSQL, an empty value is an error, and so is none in CI.
func chosen(lookup func(string) (string, bool)) (string, error) {
	program, given := lookup(variable)
	ci, _ := lookup("CI")
	switch {
	case program != "":
		return program, nil
	case given:
		return "", errors.New(variable + " is empty: give it the path that ensure-chromium.sh prints, or unset it")
	case ci != "" && ci != "false":
		return "", errors.New(variable + " is not set, and CI must test the page in a browser: run `make test`")
	default:
		return "", nil
	}
}

// In CI the tests in the browser must not be missing because the variable is not set.
func TestChosen(t *testing.T) {
	for name, c := range map[string]struct {
		environment map[string]string
		want, fails string
	}{
		"an editor":                   {map[string]string{}, "", ""},
		"a browser":                   {map[string]string{variable: "/x"}, "/x", ""},
		"none in CI":                  {map[string]string{"CI": "true"}, "", "make test"},
		"not CI":                      {map[string]string{"CI": "false"}, "", ""},
		"a program that got lost":     {map[string]string{variable: ""}, "", "is empty"},
		"a browser in CI":             {map[string]string{variable: "/x", "CI": "1"}, "/x", ""},
		"a program that got lost, CI": {map[string]string{variable: "", "CI": "1"}, "", "is empty"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := chosen(func(name string) (string, bool) {
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
