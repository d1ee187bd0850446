package text

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestNearDuplicate(t *testing.T) {
	terms := Terms
	base := "Anna moved from Berlin to Kyoto in spring to study pottery with an old master"
	require.True(t, NearDuplicate(terms(base), terms(base)))
	require.True(t, NearDuplicate(terms(base), terms("In spring, Anna moved to Kyoto from Berlin: studying pottery with old masters!")))
	require.False(t, NearDuplicate(terms(base), terms("Anna moved from Berlin to Rome in autumn to cook")))
	require.False(t, NearDuplicate(nil, nil))
	require.False(t, NearDuplicate(terms(base), nil))
}
