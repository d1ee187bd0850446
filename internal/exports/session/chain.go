package session

import (
	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/exports/format"
)

// Record is one line of a session whose lines name the line before them.
type Record struct {
	ID, Parent string
	Root       bool   // it begins a chain on purpose: its parent is empty and nothing precedes it
	Reply      string // the answer of the model that it is a part of; several lines share one
	Prompt     bool   // a user typed it
	Aside      string // name of the subagent that wrote it; empty in the conversation itself
	Messages   []chat.UploadMessage
}

// Chain is the records of one session in the order of its file.
type Chain struct {
	// Known is the record before the first one when the reading continues from a mark. It is empty when the file is
	// read from its beginning.
	Known string

	records []Record
	at      map[string]int
	missing int
}

// Add appends a record. It ignores a record with an id that was added before, because some versions write the whole
// history again. It returns format.ErrRewritten when reading continues from a mark and the record does not continue
// what was read before.
func (c *Chain) Add(r Record) error {
	at := c.index()
	if _, again := at[r.ID]; again && r.ID != "" {
		return nil
	}
	_, parent := at[r.Parent]
	switch {
	case r.Parent == "" && c.Known != "" && r.Root:
		return format.ErrRewritten // an edit of the first prompt
	case r.Parent != "" && !parent && c.Known != "":
		return format.ErrRewritten
	case r.Parent != "" && !parent:
		c.missing++
		r.Parent = c.tip()
	case r.Parent == "" && !r.Root && r.Aside == "":
		r.Parent = c.tip()
	}
	if r.ID != "" {
		at[r.ID] = len(c.records)
	}
	c.records = append(c.records, r)
	return nil
}

// Elsewhere says that a record is left out because another session has it. Records that
// follow it begin the chain here.
func (c *Chain) Elsewhere(id string) { c.index()[id] = -1 }

func (c *Chain) index() map[string]int {
	if c.at == nil {
		c.at = map[string]int{}
		if c.Known != "" {
			c.at[c.Known] = -1
		}
	}
	return c.at
}

// tip returns the id of the last record of the conversation itself.
func (c *Chain) tip() string {
	for i := len(c.records) - 1; i >= 0; i-- {
		if r := c.records[i]; r.Aside == "" && r.ID != "" {
			return r.ID
		}
	}
	return ""
}

// Index reports whether a record is in the chain, and its number.
func (c *Chain) Index(id string) (int, bool) {
	at, ok := c.at[id]
	return at, ok && at >= 0
}

// Len returns the number of records.
func (c *Chain) Len() int { return len(c.records) }

// Missing returns how many records name a parent that is not in the file.
func (c *Chain) Missing() int { return c.missing }

// Each passes on the messages of the records with their record, in the order of the file. Messages of an abandoned
// branch have its name, which is the id of its last record. Messages of subagents have the name of the agent.
//
// The active path leads from the last record back to the first one. A record outside of it is on an abandoned branch
// if the user typed another prompt in its place, or if the model answered again. Parallel calls of tools fork the
// chain too; they are not branches.
func (c *Chain) Each(fn func(Record, chat.UploadMessage)) {
	active := c.active()
	fork := c.forks(active)
	branch := c.branches(active, fork)
	for i, r := range c.records {
		name := r.Aside
		if name == "" && fork[i] >= 0 {
			name = branch[fork[i]]
		}
		for _, m := range r.Messages {
			m.Branch = name
			fn(r, m)
		}
	}
}

// active returns which records are on the path from the last record to the first.
func (c *Chain) active() []bool {
	on := make([]bool, len(c.records))
	last := len(c.records) - 1
	for last >= 0 && (c.records[last].Aside != "" || c.records[last].ID == "") {
		last--
	}
	for last >= 0 && !on[last] {
		on[last] = true
		last = c.parent(last)
	}
	return on
}

// parent returns the index of a record's parent; -1 when it has none here.
func (c *Chain) parent(i int) int {
	if p, ok := c.at[c.records[i].Parent]; ok && c.records[i].Parent != "" {
		return p
	}
	return -1
}

// forks returns for each record the first record of the branch that it is on; -1 on the
// active path and for records without an id, which no record can follow.
func (c *Chain) forks(active []bool) []int {
	fork := make([]int, len(c.records))
	for i, r := range c.records {
		fork[i] = -1
		if r.ID == "" || active[i] || r.Aside != "" {
			continue
		}
		fork[i] = i
		if p := c.parent(i); p >= 0 && p < i && fork[p] >= 0 {
			fork[i] = fork[p]
		}
	}
	return fork
}

// branches returns the names of the abandoned branches by their first record.
func (c *Chain) branches(active []bool, fork []int) map[int]string {
	replies := map[string]bool{}
	for i, r := range c.records {
		if active[i] && r.Reply != "" {
			replies[r.Reply] = true
		}
	}
	abandoned, last := map[int]bool{}, map[int]string{}
	for i, r := range c.records {
		if fork[i] < 0 {
			continue
		}
		last[fork[i]] = r.ID
		if r.Prompt || r.Reply != "" && !replies[r.Reply] {
			abandoned[fork[i]] = true
		}
	}
	for first := range last {
		if !abandoned[first] {
			delete(last, first)
		}
	}
	return last
}
