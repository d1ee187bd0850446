package history_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/auth"
	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/fault"
)

func TestAnExportEndsWhenItsKeyIsRevoked(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		for i := range 50 {
			d.ingest(say(fmt.Sprint(i), "hello"))
		}
		key, token, err := d.operator().CreateKey(t.Context(), "w", "export", []auth.Scope{auth.Read})
		require.NoError(t, err)
		who, err := d.history.Authenticate(t.Context(), token)
		require.NoError(t, err)
		access, err := d.history.As(who)
		require.NoError(t, err)
		came := 0
		for _, err = range access.Export(t.Context(), chat.Filter{}) {
			if err != nil {
				break
			}
			if came++; came == 1 {
				_, err := d.operator().RevokeKey(t.Context(), key.ID)
				require.NoError(t, err)
			}
		}
		require.True(t, fault.Is(err, fault.Unauthenticated), "%d came: %v", came, err)
		require.Less(t, came, 50)
	})
}
