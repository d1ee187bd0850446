package loose

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestMap(t *testing.T) {
	require.Equal(t, Map[inner]{"x": {A: "1"}, "y": {}}, decode[Map[inner]](t, `{"x":{"A":1},"bad":[3],"y":{"A":null}}`))
	require.Nil(t, decode[Map[inner]](t, `[1]`))
	require.Nil(t, decode[Map[inner]](t, `null`))
}
