package storetest

import (
	"slices"
	"strings"
)

// unbound returns those of the tables whose rows in a statement are not limited to one workspace. Every place that
// reads, changes or deletes rows of such a table must compare its workspace_id with a value, or with the workspace_id
// of something that is limited itself. An INSERT and a COPY must set it.
//
// It reads what SQLite and PostgreSQL have in common: queries, their sub-queries, joins and conditions. Other
// statements (CREATE INDEX, VACUUM) read no rows for a caller and pass.
func unbound(statement string, tables []string) (found []string) {
	q := &query{tables: tables}
	nodes := parse(statement)
	if len(nodes) > 0 && nodes[0].is("copy") {
		nodes = append([]node{{text: "insert"}, {text: "into"}}, nodes[1:]...)
	}
	if !startsQuery(nodes) {
		return nil
	}
	q.scope(nodes)
	slices.Sort(q.found)
	return slices.Compact(q.found)
}

// node is a token, or the contents of a pair of parentheses.
type node struct {
	text  string // in lower case; a quoted name is without its quotes
	word  bool   // a name or a keyword
	inner []node
	group bool
}

func (n node) is(words ...string) bool { return !n.group && slices.Contains(words, n.text) }

// parse splits a statement into tokens and nests them by their parentheses.
func parse(statement string) []node {
	stack := [][]node{nil}
	push := func(n node) { stack[len(stack)-1] = append(stack[len(stack)-1], n) }
	for rest := statement; rest != ""; {
		token, word, left := next(rest)
		rest = left
		switch {
		case token == "":
		case token == "(":
			stack = append(stack, nil)
		case token == ")" && len(stack) > 1:
			inner := stack[len(stack)-1]
			stack = stack[:len(stack)-1]
			push(node{inner: inner, group: true})
		default:
			push(node{text: token, word: word})
		}
	}
	return stack[0]
}

// next returns the first token of a statement. White space and comments are tokens without a text; the text of a
// string is a quote.
func next(s string) (token string, word bool, rest string) {
	upTo := func(end string, from int) int {
		if i := strings.Index(s[from:], end); i >= 0 {
			return from + i + len(end)
		}
		return len(s)
	}
	switch c := s[0]; {
	case c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == ';':
		return "", false, s[1:]
	case strings.HasPrefix(s, "--"):
		return "", false, s[upTo("\n", 2):]
	case strings.HasPrefix(s, "/*"):
		return "", false, s[upTo("*/", 2):]
	case c == '\'':
		return "'", false, s[upTo("'", 1):]
	case c == '"' || c == '`':
		end := upTo(string(c), 1)
		return strings.ToLower(strings.Trim(s[:end], "\"`")), true, s[end:]
	case isLetter(c):
		end := 1
		for end < len(s) && (isLetter(s[end]) || isDigit(s[end])) {
			end++
		}
		return strings.ToLower(s[:end]), true, s[end:]
	case c == '?' || c == '$' || c == '@' && len(s) > 1 && isLetter(s[1]) || isDigit(c):
		end := 1
		for end < len(s) && (isLetter(s[end]) || isDigit(s[end]) || s[end] == '.') {
			end++
		}
		return "?", false, s[end:]
	default:
		return s[:1], false, s[1:]
	}
}

func isLetter(c byte) bool { return c == '_' || c|0x20 >= 'a' && c|0x20 <= 'z' || c >= 0x80 }

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// startsQuery reports whether nodes begin a statement about rows.
func startsQuery(nodes []node) bool {
	return len(nodes) > 0 && nodes[0].is("select", "insert", "replace", "update", "delete", "with", "explain")
}

// query is a statement that is being checked.
type query struct {
	tables []string
	found  []string
}

// scope checks a query and everything nested in it. It checks the parts of a UNION and similar operators one by one.
func (q *query) scope(nodes []node) {
	for _, block := range split(nodes, "union", "except", "intersect") {
		q.block(block)
	}
	q.nested(nodes)
}

// nested checks the sub-queries.
func (q *query) nested(nodes []node) {
	for _, n := range nodes {
		if n.group && startsQuery(n.inner) {
			q.scope(n.inner)
		} else if n.group {
			q.nested(n.inner)
		}
	}
}

// reference is a table in a FROM, UPDATE, DELETE or INTO.
type reference struct {
	table, alias string
	of           bool // its rows belong to workspaces
	bound        bool
}

// condition is the WHERE of a block, or the ON of one of its joins.
type condition struct {
	nodes []node
	outer *reference // the only table that the condition limits, if it is of an outer join
}

// block is one SELECT, INSERT, UPDATE or DELETE, without nested ones.
type block struct {
	references []*reference
	conditions []condition
	inserted   bool // the INSERT has workspace_id among its columns
}

func (q *query) block(nodes []node) {
	b := q.read(nodes)
	for range b.references { // a table may be limited by a table that is limited later
		for _, c := range b.conditions {
			b.bind(c.nodes, c.outer)
		}
	}
	for i, r := range b.references {
		into := i == 0 && b.inserts(nodes)
		if r.of && (into && !b.inserted || !into && !r.bound) {
			q.found = append(q.found, r.table)
		}
	}
}

func (*block) inserts(nodes []node) bool {
	return slices.ContainsFunc(nodes, func(n node) bool { return n.is("insert", "replace") })
}

// clauses are the words that end a clause.
var clauses = []string{
	"from", "join", "where", "on", "using", "set", "group", "order", "having", "limit", "offset", "returning", "window", "for", "values", "select",
	"left", "right", "full", "inner", "cross", "natural", "outer", "update", "delete", "insert", "into", "conflict",
}

// read finds the tables and the conditions of a block.
func (q *query) read(nodes []node) *block {
	b := &block{}
	inFrom, outerJoin := false, false
	for i := 0; i < len(nodes); i++ {
		n := nodes[i]
		switch {
		case n.is("left", "right", "full"):
			outerJoin = true
		case n.is("inner", "cross", "natural"):
			outerJoin = false
		case n.is("from") && i > 0 && nodes[i-1].is("distinct"): // IS DISTINCT FROM
		case n.is("from", "into", "join") || n.is("update") && !(i > 0 && nodes[i-1].is("do", "for")) || n.is(",") && inFrom:
			inFrom = n.is("from", "join") || n.is(",")
			if !n.is("join") {
				outerJoin = false
			}
			i = q.reference(b, nodes, i+1) - 1
		case n.is("using") && i+1 < len(nodes) && nodes[i+1].group:
			b.joinUsing(nodes[i+1].inner)
		case n.is("using"):
			i = q.reference(b, nodes, i+1) - 1
		case n.is("on", "where") && !(i+1 < len(nodes) && nodes[i+1].is("conflict")):
			end := i + 1
			for end < len(nodes) && !nodes[end].is(clauses...) {
				end++
			}
			c := condition{nodes: nodes[i+1 : end]}
			if n.is("on") && outerJoin && len(b.references) > 0 {
				c.outer = b.references[len(b.references)-1]
			}
			b.conditions = append(b.conditions, c)
			inFrom = inFrom && n.is("on")
			i = end - 1
		case n.is(clauses...):
			inFrom = false
		}
	}
	return b
}

// reference reads the table at nodes[i] with its alias, and returns the index after it.
func (q *query) reference(b *block, nodes []node, i int) int {
	for i < len(nodes) && nodes[i].is("only", "lateral") {
		i++
	}
	r := &reference{}
	switch {
	case i >= len(nodes):
		return i
	case nodes[i].group:
		i++
	case nodes[i].word:
		for i+2 < len(nodes) && nodes[i+1].is(".") {
			i += 2 // skip the schema
		}
		r.table = nodes[i].text
		i++
		if i < len(nodes) && nodes[i].group {
			columns := split(nodes[i].inner, ",") // the arguments of a function, or the columns of an INSERT
			b.inserted = b.inserted || len(b.references) == 0 &&
				slices.ContainsFunc(columns, func(c []node) bool { return len(c) == 1 && c[0].is("workspace_id") })
			i++
		}
	}
	r.alias = r.table
	if i < len(nodes) && nodes[i].is("as") {
		i++
	}
	if i < len(nodes) && nodes[i].word && !nodes[i].is(clauses...) && !nodes[i].is("default", "indexed", "not", "with") {
		r.alias = nodes[i].text
		i++
	}
	r.of = slices.Contains(q.tables, r.table)
	b.references = append(b.references, r)
	return i
}

// bind marks the tables that a condition limits. Parts joined by OR limit nothing.
func (b *block) bind(nodes []node, only *reference) {
	if len(split(nodes, "or")) > 1 {
		return
	}
	for _, part := range split(nodes, "and") {
		if len(part) == 1 && part[0].group && !startsQuery(part[0].inner) {
			b.bind(part[0].inner, only)
			continue
		}
		left, op, right := comparison(part)
		switch op {
		case "=":
			b.equal(left, right, only)
			b.equal(right, left, only)
		case "in":
			b.equal(left, []node{{text: "?"}}, only)
		}
	}
}

// comparison splits `a = b` and `a IN (...)`. Only the first column of a row of columns counts.
func comparison(part []node) (left []node, op string, right []node) {
	for i, n := range part {
		if n.is("=", "in") && i > 0 && !part[i-1].is("<", ">", "!", "not") {
			return first(part[:i]), n.text, first(part[i+1:])
		}
	}
	return nil, "", nil
}

func first(side []node) []node {
	if len(side) == 1 && side[0].group && !startsQuery(side[0].inner) {
		return split(side[0].inner, ",")[0]
	}
	return side
}

// equal marks the tables whose workspace_id is column, when value limits it.
func (b *block) equal(column, value []node, only *reference) {
	alias, ok := workspaceOf(column)
	if !ok || len(value) == 0 {
		return
	}
	if other, ok := workspaceOf(value); ok {
		at := slices.IndexFunc(b.references, func(r *reference) bool { return r.alias == other })
		if at >= 0 && b.references[at].of && !b.references[at].bound {
			return
		}
	}
	for _, r := range b.references {
		if (alias == "" || r.alias == alias) && (only == nil || r == only) {
			r.bound = true
		}
	}
}

// workspaceOf returns the alias in `alias.workspace_id`, or "" for the bare column.
func workspaceOf(side []node) (alias string, ok bool) {
	switch {
	case len(side) == 1 && side[0].is("workspace_id"):
		return "", true
	case len(side) == 3 && side[1].is(".") && side[2].is("workspace_id"):
		return side[0].text, true
	}
	return "", false
}

// joinUsing handles JOIN ... USING (workspace_id, ...): the last table is limited if the tables before it are.
func (b *block) joinUsing(columns []node) {
	if !slices.ContainsFunc(columns, func(n node) bool { return n.is("workspace_id") }) || len(b.references) < 2 {
		return
	}
	last := b.references[len(b.references)-1]
	for _, r := range b.references[:len(b.references)-1] {
		name := func(r *reference) []node { return []node{{text: r.alias}, {text: "."}, {text: "workspace_id"}} }
		b.conditions = append(b.conditions, condition{nodes: slices.Concat(name(r), []node{{text: "="}}, name(last))})
	}
}

// split splits nodes at the words.
func split(nodes []node, words ...string) (parts [][]node) {
	start := 0
	for i, n := range nodes {
		if n.is(words...) {
			parts = append(parts, nodes[start:i])
			start = i + 1
		}
	}
	return append(parts, nodes[start:])
}
