package mcp

import (
	"fmt"

	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/history"
)

// cursorForm is a place in a conversation, and the revision in which it is that place.
const cursorForm = "r%dm%dc%d"

func cursorOf(p *history.Place) string {
	if p == nil {
		return ""
	}
	return fmt.Sprintf(cursorForm, p.Revision, p.Position, p.Offset)
}

func parseCursor(cursor string) (history.Place, error) {
	var p history.Place
	if cursor == "" {
		return p, nil
	}
	_, err := fmt.Sscanf(cursor, cursorForm, &p.Revision, &p.Position, &p.Offset)
	if err != nil || cursorOf(&p) != cursor || p.Position < 0 || p.Offset < 0 {
		return p, fault.Invalidf("cursor must be the cursor of an answer of this tool")
	}
	return p, nil
}
