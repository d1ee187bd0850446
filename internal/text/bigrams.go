package text

import (
	"unicode"
	"unicode/utf8"
)

// run emits the terms of a run in a script that is indexed as bigrams.
func (a *analysis) run(raw string, start int, c class) {
	if a.rewritten(raw, start) {
		return
	}
	units := units(raw)
	if c == hangul {
		a.particle(raw, start, units)
	}
	for i, u := range units {
		if c == cjk {
			a.han(raw[u.start:u.end], start+u.start)
		}
		switch {
		case len(units) == 1 && c != cjk:
			a.emit(raw[u.start:u.end], start+u.start, start+u.end)
		case len(units) == 1 && !isHan(raw[u.start:u.end]):
			a.emit(raw[u.start:u.end], start+u.start, start+u.end)
		case i > 0:
			a.emit(raw[units[i-1].start:u.end], start+units[i-1].start, start+u.end)
		}
	}
}

// han emits a Han character that may be a word.
func (a *analysis) han(unit string, start int) {
	r, _ := utf8.DecodeRuneInString(unit)
	if isHan(unit) && !hanStop[r] {
		a.emit(unit, start, start+len(unit))
	}
}

func isHan(unit string) bool {
	r, _ := utf8.DecodeRuneInString(unit)
	return unicode.Is(unicode.Han, r)
}

// particles follow Korean nouns without a space.
var particles = wordSet(`을 를 이 가 은 는 에 의 도 로 와 과 만 에서 에게 으로 까지 부터 에는 에도 하고 이나 이랑 랑`)

// particle emits a noun of one syllable that is followed by a particle, because it has
// no bigram of its own.
func (a *analysis) particle(raw string, start int, units []byteSpan) {
	if len(units) < 2 || len(units) > 3 {
		return
	}
	if particles[raw[units[1].start:]] {
		a.emit(raw[:units[0].end], start, start+units[0].end)
	}
}

// maxUnitMarks limits the marks of a letter, so that no term exceeds MaxTermRunes and is
// cut at different places in a document and in a query.
const maxUnitMarks = 8

// units returns the letters of raw, each with the marks that follow it.
func units(raw string) []byteSpan {
	found := make([]byteSpan, 0, len(raw)/3+1)
	marks := 0
	for i, r := range raw {
		end := i + utf8.RuneLen(r)
		if marks < maxUnitMarks && len(found) > 0 && traitsOf(r)&isMark != 0 {
			found[len(found)-1].end = end
			marks++
			continue
		}
		found = append(found, byteSpan{i, end})
		marks = 0
	}
	return found
}
