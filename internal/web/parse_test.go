package web

import (
	"strings"
	"testing"

	"github.com/evanw/esbuild/pkg/api"
	"github.com/stretchr/testify/require"
)

// Each module is an ES module that a browser can parse. The browser of the tests reads only
// those that a flow needs.
func TestModulesParse(t *testing.T) {
	page, err := Load()
	require.NoError(t, err)
	for name, file := range page {
		if strings.HasSuffix(name, ".js") {
			require.Empty(t, problems(string(file.Content)), name)
		}
	}
	require.NotEmpty(t, problems("export const a = (1"), "what does not parse is found")
}

// problems are what a parser says about the source of a module.
func problems(source string) []string {
	var found []string
	result := api.Transform(source, api.TransformOptions{Loader: api.LoaderJS, Format: api.FormatESModule, Target: api.ESNext, LogLevel: api.LogLevelSilent})
	for _, m := range append(result.Errors, result.Warnings...) {
		found = append(found, m.Text)
	}
	return found
}
