package chunker

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/lethe-chat/lethe/internal/text"
)

// piece is a part of a message that is not cut further: a sentence, a code block, or a part of a sentence or block
// that is too long for a chunk.
type piece struct {
	start, end int // bytes of the text
	weight     int // tenths of a word; 0 for white space
	runes      int
}

// cutMessage cuts a text into consecutive pieces. There are gaps between them where the text has a blob, such as a
// picture.
func cutMessage(whole string) []piece {
	var pieces []piece
	for start, end := range text.Words(whole) {
		pieces = append(pieces, cutWords(whole[:end], start)...)
	}
	return pieces
}

// cutWords cuts a text without blobs, beginning at byte from, into pieces.
func cutWords(text string, from int) []piece {
	c := cutter{text: text}
	for at := from; at < len(text); {
		if code := fenceEnd(text, at); code > at {
			c.code(at, code)
			at = code
			continue
		}
		end := lineEnd(text, at)
		for end < len(text) && !isFence(text, end) {
			end = lineEnd(text, end)
		}
		c.each(at, end, sentenceEnd)
		at = end
	}
	return c.pieces
}

type cutter struct {
	text   string
	pieces []piece
}

// code adds a code block as one piece if it fits, else line by line.
func (c *cutter) code(start, end int) {
	if p := c.weigh(start, end); p.fits() {
		c.pieces = append(c.pieces, p)
		return
	}
	c.each(start, end, lineEnd)
}

// each adds start..end in units whose ends the function border returns.
func (c *cutter) each(start, end int, border func(text string, at int) int) {
	for start < end {
		next := min(border(c.text, start), end)
		if p := c.weigh(start, next); p.fits() {
			c.pieces = append(c.pieces, p)
		} else {
			c.words(start, next)
		}
		start = next
	}
}

func (c *cutter) weigh(start, end int) piece {
	p := piece{start: start, end: end}
	p.weight, p.runes = measure(c.text[start:end])
	return p
}

func (p piece) fits() bool { return p.weight <= MaxWords*wordWeight && p.runes <= maxPieceRunes }

// words adds start..end in pieces that are as large as possible, cut between words if there are any.
func (c *cutter) words(start, end int) {
	for start < end {
		next := c.fill(start, end)
		c.pieces = append(c.pieces, c.weigh(start, next))
		start = next
	}
}

// fill returns the end of the largest piece that begins at start. The end is always after start.
func (c *cutter) fill(start, end int) int {
	var s scale
	weight, runes, word := 0, 0, 0
	blank := false
	for i, r := range c.text[start:end] {
		at := start + i
		if blank && !unicode.IsSpace(r) {
			word = at
		}
		blank = unicode.IsSpace(r)
		weight += s.add(r)
		runes++
		if weight <= MaxWords*wordWeight && runes <= maxPieceRunes {
			continue
		}
		if word > start {
			return word
		}
		return c.unglued(start, at)
	}
	return end
}

// unglued moves a cut at byte at back by a few runes if it would separate a letter from its marks.
func (c *cutter) unglued(start, at int) int {
	const patience = 16
	cut := at
	for range patience {
		if cut <= start {
			break
		}
		if !glued(c.text, cut) {
			return cut
		}
		_, size := utf8.DecodeLastRuneInString(c.text[:cut])
		cut -= size
	}
	return at
}

// lineEnd returns the end of the line at at, including the line break.
func lineEnd(text string, at int) int {
	if n := strings.IndexByte(text[at:], '\n'); n >= 0 {
		return at + n + 1
	}
	return len(text)
}

// fence returns the backquotes or tildes that open or close a code block in the line at at, and the rest of the line.
func fence(text string, at int) (run, rest string) {
	line := strings.TrimLeft(text[at:lineEnd(text, at)], " \t")
	for _, mark := range []string{"`", "~"} {
		rest = strings.TrimLeft(line, mark)
		if n := len(line) - len(rest); n >= 3 {
			return line[:n], rest
		}
	}
	return "", ""
}

func isFence(text string, at int) bool {
	run, _ := fence(text, at)
	return run != ""
}

// fenceEnd returns where the code block ends that the line at opens, or at when
// it opens none. A block that nothing closes goes on to the end.
func fenceEnd(text string, at int) int {
	open, _ := fence(text, at)
	if open == "" {
		return at
	}
	for at = lineEnd(text, at); at < len(text); {
		run, rest := fence(text, at)
		at = lineEnd(text, at)
		if strings.HasPrefix(run, open) && strings.TrimSpace(rest) == "" {
			break
		}
	}
	return at
}

// sentenceEnd returns where the sentence from at ends: after its full stop and
// the quotes, brackets and blanks that follow, or after a line break.
func sentenceEnd(text string, at int) int {
	stopped, wide := false, false // after a stop; after one that needs no blank
	for i, r := range text[at:] {
		switch {
		case r == '\n':
			return skipBlanks(text, at+i)
		case isWideStop(r):
			stopped, wide = true, true
		case strings.ContainsRune(".!?…؟۔।", r):
			stopped = true
		case stopped && strings.ContainsRune("\"')]}*_”’»」』）】〉》", r):
		case stopped && unicode.IsSpace(r):
			return skipBlanks(text, at+i)
		case wide:
			return at + i
		default:
			stopped = false
		}
	}
	return len(text)
}

func isWideStop(r rune) bool { return r == '。' || r == '！' || r == '？' || r == '｡' }

func skipBlanks(text string, at int) int {
	for i, r := range text[at:] {
		if !unicode.IsSpace(r) {
			return lineStart(text, at, at+i)
		}
	}
	return len(text)
}

// lineStart gives the indent of a line back to it: at is where blanks begin and
// word where they end.
func lineStart(text string, at, word int) int {
	if n := strings.LastIndexByte(text[at:word], '\n'); n >= 0 {
		return at + n + 1
	}
	return word
}
