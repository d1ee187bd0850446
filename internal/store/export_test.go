package store

import (
	"database/sql"

	"gorm.io/gorm"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/embed"
	"github.com/lethe-chat/lethe/internal/rank"
)

// Pools are a store's connection pools: the writers' and the readers', or the one
// that both share.
func Pools(s *Store) []*sql.DB { return s.pools() }

// DB is the writers' handle, to look at the tables as they are.
func DB(s *Store) *gorm.DB { return s.write }

// Handle is what a view asks through, to run a statement of a test's own.
func Handle(v *View) *gorm.DB { return v.db }

// FaultOf turns what a statement of a test's own returned into a fault.
func FaultOf(v *View, err error) error { return v.fault(err) }

// CompareAll searches as SearchSemantic does where there are no codes.
func CompareAll(v *View, ws chat.WorkspaceID, model embed.Model, vector []float32, f chat.Filter) ([]rank.Scored, error) {
	return compareAll(v.db, vectorQuery{workspace: ws, model: model, vector: vector, filter: f})
}

// CodesOf are the codes that are kept of a conversation, in the very memory in which
// they are, and whether any space knows the conversation at all.
func CodesOf(s *Store, id string) (codes [][]byte, known bool) {
	c := s.dialect.(sqliteDialect).codes
	c.mu.RLock()
	defer c.mu.RUnlock()
	for _, space := range c.spaces {
		if b, ok := space.blocks[id]; ok {
			codes, known = append(codes, b.codes), true
		}
	}
	return codes, known
}

// Coded is how many conversations of a workspace have codes.
func Coded(s *Store, ws chat.WorkspaceID) (n int) {
	c := s.dialect.(sqliteDialect).codes
	c.mu.RLock()
	defer c.mu.RUnlock()
	for _, space := range c.spaces {
		if space.Workspace == ws {
			n += len(space.blocks)
		}
	}
	return n
}

// LimitCodes sets how many bytes the codes may take.
func LimitCodes(s *Store, bytes int64) { s.dialect.(sqliteDialect).codes.limit = bytes }

// KeptStatements are the prepared statements that a driver's connection keeps, with
// the values that are bound to them.
func KeptStatements(conn any) (list []string) {
	s, ok := conn.(session)
	if w, writes := conn.(*watched); writes {
		s, ok = w.session, true
	}
	if !ok {
		return nil
	}
	for _, k := range s.kept.idle {
		list = append(list, k.driverStatement.(interface{ ExpandedSQL() string }).ExpandedSQL())
	}
	return list
}

// StatementsKept is how many there may be.
const StatementsKept = statementsKept
