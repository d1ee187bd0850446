package history_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/auth"
	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/history"
)

func TestAnExportEndsWhenItsKeyIsRevoked(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		for i := range 50 {
			d.Ingest(say(fmt.Sprint(i), "hello"))
		}
		key, token, err := d.operator().CreateKey(t.Context(), "w", "export", []auth.Scope{auth.Read})
		require.NoError(t, err)
		who, err := d.History.Authenticate(t.Context(), token)
		require.NoError(t, err)
		access, err := d.History.As(who)
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

// The export of a long conversation takes as long as its reader. The key is checked again while it lasts.
func TestALongConversationEndsWhenTheKeyIsRevoked(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		long := d.Ingest(say("long", strings.Repeat("some words ", 200_000), "and an end"))
		for name, begin := range map[string]func(history.Access) (*history.Reading, error){
			"read": func(a history.Access) (*history.Reading, error) { return a.Read(t.Context(), long.Conversation.ID) },
			"exported alone": func(a history.Access) (*history.Reading, error) {
				one, err := a.ExportOne(t.Context(), long.Conversation.ID)
				return one.Reading, err
			},
			"exported with all": func(a history.Access) (*history.Reading, error) {
				for one, err := range a.Export(t.Context(), chat.Filter{}) {
					return one.Reading, err
				}
				return nil, nil
			},
		} {
			key, token, err := d.operator().CreateKey(t.Context(), "w", name, []auth.Scope{auth.Read})
			require.NoError(t, err)
			who, err := d.History.Authenticate(t.Context(), token)
			require.NoError(t, err)
			access, err := d.History.As(who)
			require.NoError(t, err)
			reading, err := begin(access)
			require.NoError(t, err)
			came := 0
			for part, failed := range reading.Parts(t.Context()) {
				if err = failed; err != nil {
					break
				}
				if came == 0 {
					_, err := d.operator().RevokeKey(t.Context(), key.ID)
					require.NoError(t, err)
					d.Passed += time.Minute
				}
				came += len(part.Text)
			}
			require.True(t, fault.Is(err, fault.Unauthenticated), "%s: %d bytes came: %v", name, came, err)
			require.Less(t, came, 2_000_000, name)
		}
	})
}
