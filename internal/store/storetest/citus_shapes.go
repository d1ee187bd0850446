package storetest

import (
	"slices"
	"strings"
)

// distributedTables have their rows on the server of their workspace, referenceTables have
// a copy on every server (docs/citus.sql). All others stay on the coordinator.
var (
	distributedTables = OfWorkspaces
	referenceTables   = []string{"workspaces", "recipes"}
)

// refusedByCitus says what is wrong with a statement on distributed tables; empty if
// nothing is known to be. It knows shapes that were seen to fail, and is no parser of
// everything that Citus refuses: it reads tables, joins, conditions and sub-queries, as
// unbound does, and no names of columns without their table.
func refusedByCitus(statement string) string {
	nodes := parse(statement)
	if text := strings.ToLower(strings.Join(strings.Fields(statement), " ")); strings.HasPrefix(text, "alter table") && strings.Contains(text, "set statistics") {
		return "Citus refuses ALTER TABLE ... SET STATISTICS on a distributed table"
	}
	if !startsQuery(nodes) {
		return ""
	}
	c := &citusCheck{}
	c.query(nodes, nil)
	return c.found
}

// citusCheck is a statement that is being checked.
type citusCheck struct{ found string }

func (c *citusCheck) report(what string) {
	if c.found == "" {
		c.found = what
	}
}

// scopeOf is a query around another one.
type scopeOf struct{ references []*reference }

// query checks the blocks of a query and what is nested in them.
func (c *citusCheck) query(nodes []node, outer []scopeOf) {
	for _, block := range split(nodes, "union", "except", "intersect") {
		c.block(block, outer)
	}
}

func (c *citusCheck) block(nodes []node, outer []scopeOf) {
	q := &query{tables: distributedTables}
	b := q.read(nodes)
	distributed := slices.ContainsFunc(b.references, func(r *reference) bool { return r.of })
	reference := slices.ContainsFunc(b.references, func(r *reference) bool { return slices.Contains(referenceTables, r.table) })
	if locks := locking(nodes); locks != "" {
		switch {
		case distributed && slices.Contains(unbound(text(nodes), distributedTables), firstDistributed(b.references)):
			c.report("Citus refuses FOR UPDATE in a query of several workspaces (\"could not run distributed query with FOR UPDATE/SHARE\")")
		case reference && locks != "no":
			c.report("FOR UPDATE on a table that every server has a copy of locks one copy only: change a unique column instead")
		}
	}
	c.tokens(nodes, distributed)
	inHaving, inFrom := false, false
	for i, n := range nodes {
		switch {
		case n.is("having"):
			inHaving = true
		case n.is("order", "limit", "returning"):
			inHaving = false
		}
		switch {
		case n.is("from", "join", "using", "update", "into"):
			inFrom = true
		case n.is(clauses...):
			inFrom = n.is("left", "right", "full", "inner", "cross", "natural", "outer") && inFrom
		}
		if !n.group {
			continue
		}
		derived := inFrom && i > 0 && nodes[i-1].is("from", "join", ",")
		c.group(n.inner, b, outer, inHaving, derived)
	}
}

// group checks the contents of parentheses: a sub-query, or an expression that may have some.
func (c *citusCheck) group(nodes []node, b *block, outer []scopeOf, inHaving, derived bool) {
	if !startsQuery(nodes) {
		for _, n := range nodes {
			if n.group {
				c.group(n.inner, b, outer, inHaving, false)
			}
		}
		c.tokens(nodes, false)
		return
	}
	if !derived {
		c.subQuery(nodes, b, inHaving)
	}
	c.query(nodes, append(slices.Clone(outer), scopeOf{b.references}))
}

// subQuery checks a sub-query that may refer to the query around it.
func (c *citusCheck) subQuery(nodes []node, b *block, inHaving bool) {
	correlated := false
	for _, r := range b.references {
		correlated = correlated || mentions(nodes, r.alias)
	}
	inner := (&query{tables: distributedTables}).read(nodes)
	own := func(list []*reference, tables []string) bool {
		return slices.ContainsFunc(list, func(r *reference) bool { return slices.Contains(tables, r.table) })
	}
	switch {
	case correlated && inHaving:
		c.report("Citus refuses a sub-query in HAVING that refers to the outer query: join two aggregates instead")
	case correlated && own(b.references, referenceTables) && !own(b.references, distributedTables) && own(inner.references, distributedTables):
		c.report("Citus refuses a sub-query of a distributed table for each row of a table that every server has: LEFT JOIN a grouped sub-query instead")
	}
}

// tokens looks for expressions that work on one server only.
func (c *citusCheck) tokens(nodes []node, distributed bool) {
	for i, n := range nodes {
		switch {
		case n.is("tableoid") || n.group && distributed && slices.ContainsFunc(flat(n.inner), func(n node) bool { return n.is("tableoid") }):
			c.report("tableoid names a shard, which does not exist on the coordinator")
		case n.is("set_config") && i+1 < len(nodes) && nodes[i+1].group:
			if args := split(nodes[i+1].inner, ","); len(args) == 3 && len(args[2]) == 1 && args[2][0].is("true") {
				c.report("set_config(..., true) does not reach the server with the rows: use SET LOCAL with citus.propagate_set_commands")
			}
		}
	}
}

// locking returns the first word of the strength of a FOR UPDATE or FOR SHARE of a block;
// "no" stands for NO KEY UPDATE, which serializes only those who use it too.
func locking(nodes []node) string {
	for i, n := range nodes {
		if n.is("for") && i+1 < len(nodes) && nodes[i+1].is("update", "share", "no", "key") {
			return nodes[i+1].text
		}
	}
	return ""
}

// mentions reports whether nodes refer to a column of a table by its alias.
func mentions(nodes []node, alias string) bool {
	all := flat(nodes)
	for i, n := range all {
		if alias != "" && n.is(alias) && i+1 < len(all) && all[i+1].is(".") && !(i > 0 && all[i-1].is("from", "join", ",", "as")) {
			return true
		}
	}
	return false
}

// flat lists the tokens of nodes, without parentheses.
func flat(nodes []node) (all []node) {
	for _, n := range nodes {
		if n.group {
			all = append(all, flat(n.inner)...)
		} else {
			all = append(all, n)
		}
	}
	return all
}

// text writes nodes as a statement again.
func text(nodes []node) string {
	var b strings.Builder
	for _, n := range nodes {
		if n.group {
			b.WriteString("(" + text(n.inner) + ") ")
		} else {
			b.WriteString(n.text + " ")
		}
	}
	return b.String()
}

func firstDistributed(references []*reference) string {
	for _, r := range references {
		if r.of {
			return r.table
		}
	}
	return ""
}
