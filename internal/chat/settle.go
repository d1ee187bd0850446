package chat

import "slices"

// This file makes a merge repeatable: an upload that is sent twice changes nothing the
// second time. A merge changes what the next alignment compares. It stores ids, replaces
// texts and inserts messages, so with weak evidence the second alignment may pair the
// same upload in another way and overwrite a message.

// settle combines both lists. If the same upload would change the result, it gives up the
// pairs with the weakest evidence: their messages count as new, because a duplicate can be
// deleted later but an overwritten message is lost.
func (m *merger) settle() Merged {
	out := m.combine()
	for _, isWeak := range []func(pair) bool{m.hasMoved, m.isEdit, m.hasNoID} {
		if m.isRepeatable(out) {
			return out
		}
		if m.unpair(isWeak) {
			out = m.combine()
		}
	}
	if m.placed && !m.isRepeatable(out) {
		m.inPlace = true
		out = m.combine()
	}
	return out
}

// isRepeatable reports whether a merge of the same upload into the result changes nothing.
func (m *merger) isRepeatable(out Merged) bool {
	if len(m.chain) == len(m.stored) { // the result is the upload itself
		return true
	}
	again := merger{
		stored: out.Messages, sent: m.sent, storedTurns: m.resultTurns, sentTurns: m.sentTurns,
		marked: m.marked, placed: m.placed, from: m.from,
	}
	again.pair()
	for j, at := range again.place {
		if at < 0 && m.sent[j].forgotten {
			continue
		}
		if at < 0 {
			return false
		}
		if _, changed := again.apply(again.stored[at], again.sent[j]); changed {
			return false
		}
	}
	return true
}

// unpair removes pairs, and reports whether there were any.
func (m *merger) unpair(isWeak func(pair) bool) (found bool) {
	for j, at := range m.place {
		if at >= 0 && isWeak(pair{at, j}) {
			m.place[j], found = -1, true
		}
	}
	m.chain = slices.DeleteFunc(m.chain, isWeak)
	return found
}

// hasNoID reports whether the messages of a pair do not have the same external id.
func (m *merger) hasNoID(p pair) bool {
	return m.sent[p.sent].ExternalID == "" || m.sent[p.sent].ExternalID != m.stored[p.stored].ExternalID
}

// isEdit reports whether a message without an id replaces another text.
func (m *merger) isEdit(p pair) bool {
	return m.hasNoID(p) && m.storedTurns[p.stored].symbol != m.sentTurns[p.sent].symbol
}

// hasMoved reports whether a message without an id has another place in the upload than in
// the stored conversation.
func (m *merger) hasMoved(p pair) bool {
	_, inChain := slices.BinarySearchFunc(m.chain, p.sent, func(c pair, sent int) int { return c.sent - sent })
	return m.hasNoID(p) && !inChain
}

// allStored pairs the whole upload with stored messages that it would not change. It
// returns false if they do not contain all of it. Messages with the same id, byID, are
// pairs; the others must have the order of the upload. So must those with ids, unless the
// ids themselves have another order.
func (m *merger) allStored(byID []pair) (pairs []pair, ok bool) {
	if slices.IsSortedFunc(byID, func(x, y pair) int { return x.stored - y.stored }) {
		byID = nil
	}
	ours, theirs := make(map[int]bool, len(byID)), make(map[int]bool, len(byID))
	for _, p := range byID {
		if !m.isStored(p) {
			return nil, false
		}
		ours[p.stored], theirs[p.sent] = true, true
	}
	i := 0
	for j := range m.sent {
		if theirs[j] {
			continue
		}
		for i < len(m.stored) && (ours[i] || !m.isStored(pair{i, j})) {
			i++
		}
		if i == len(m.stored) {
			return nil, false
		}
		pairs = append(pairs, pair{i, j})
		i++
	}
	return append(pairs, byID...), true
}

// isStored reports whether a sent message would not change the stored one.
func (m *merger) isStored(p pair) bool {
	if m.storedTurns[p.stored].exact != m.sentTurns[p.sent].exact {
		return false
	}
	_, changed := m.apply(m.stored[p.stored], m.sent[p.sent])
	return !changed
}
