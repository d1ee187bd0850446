package text

import (
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"github.com/tiktoken-go/tokenizer/codec"
)

// encoder is loaded by the first call and shared by all calls. It is o200k_base, the
// vocabulary of current models. It loads in about 35 ms and takes 7 MB; the older
// cl100k_base takes 8 ms and 3.5 MB. But cl100k_base needs more than twice as many tokens
// for Chinese, so Chinese texts would reach limits far too early.
var encoder = sync.OnceValue(codec.NewO200kBase)

// A text is encoded in pieces, for two reasons: counting and cutting can stop early, and
// the vocabulary's splitting pattern takes quadratic time on long runs of white space (3 s
// for 64 KiB).
//
// Ordinary text is split before a space that follows a non-space. The pattern splits
// there too, so the sum is exact. Only a run of more than maxBlankRun bytes of white
// space, or of maxPiece bytes without any, is split elsewhere, which may add one or two
// tokens for each such split. Text that is not language is
// estimated, so that no text takes much longer than prose (countPiece).
const (
	minPiece    = 2 << 10
	maxPiece    = 8 << 10
	maxBlankRun = 256
)

// Tokens returns the number of tokens of a text. It is safe for concurrent use. The time
// is linear in the length of the text.
func Tokens(text string) int {
	n, _ := TokensUpTo(text, int(^uint(0)>>1))
	return n
}

// TokensUpTo counts like Tokens but stops when there are more than limit tokens. It
// reports whether it counted the whole text. If it did not, n is larger than limit and
// not larger than the number of tokens of the text.
func TokensUpTo(text string, limit int) (n int, whole bool) {
	return tokensUpTo(text, limit, countExactly)
}

// tokensUpTo asks count for the tokens of the parts that it does not estimate.
func tokensUpTo(text string, limit int, count func(string) int) (n int, whole bool) {
	seen := 0
	for start, end := range Words(text) {
		for rest := text[start:end]; rest != ""; {
			if n > limit {
				return n, false
			}
			size := pieceLen(rest)
			n += countPiece(rest[:size], seen >= exactBytes, count)
			rest, seen = rest[size:], seen+size
		}
	}
	return n, n <= limit
}

// Prose has one token per four or five bytes. Data with one token per two bytes is not text but lines of marks,
// control characters or broken encodings, where a token takes the most time for its length. The first part of a long
// text is counted in any case.
const (
	exactBytes = 32 << 10
	sample     = 512 // bytes of a piece from which the rest of it is estimated
	denseBytes = 2   // average bytes per token of estimated data
)

// countPiece counts the tokens of a piece. Long runs of punctuation, and, when it may
// estimate, pieces of very short tokens, are estimated from their beginning.
func countPiece(piece string, estimate bool, count func(string) int) int {
	valid := strings.ToValidUTF8(piece, "")
	n := (len(piece) - len(valid) + 1) / 2 // a token has about two broken bytes
	valid, extra := cutRuns(valid, count)
	n += extra
	if !estimate || len(valid) < 2*sample {
		return n + count(valid)
	}
	end, exact := sampleEnd(valid)
	first := count(valid[:end])
	switch {
	case first*denseBytes >= end:
		return n + first*len(valid)/end
	case exact:
		return n + first + count(valid[end:])
	}
	return n + count(valid)
}

// sampleEnd returns where the sample of a piece ends, and whether the tokens before
// and after add up to those of the whole.
func sampleEnd(piece string) (end int, exact bool) {
	for end = sample; end < 2*sample; end++ {
		if piece[end] == ' ' && piece[end-1] > ' ' {
			return end, true
		}
	}
	for !utf8.RuneStart(piece[end-1]) {
		end--
	}
	return end - 1, false
}

// maxMarks is how many bytes of a run of punctuation are counted. Lines that people draw are shorter.
const maxMarks = 256

// cutRuns cuts runs of punctuation to maxMarks bytes. It estimates the tokens that it has cut off from the number of
// tokens in the rest of the run.
func cutRuns(piece string, count func(string) int) (kept string, cut int) {
	var b strings.Builder
	from, start := 0, 0 // beginning of the part that is not copied yet, and of the run
	end := func(at int) {
		if at-start <= maxMarks {
			return
		}
		stop := start + maxMarks
		for !utf8.RuneStart(piece[stop]) {
			stop--
		}
		b.WriteString(piece[from:stop])
		cut += count(piece[start:stop]) * (at - stop) / (stop - start)
		from = at
	}
	for i, r := range piece {
		if unicode.IsLetter(r) || unicode.IsNumber(r) || unicode.IsSpace(r) {
			end(i)
			start = i + utf8.RuneLen(r)
		}
	}
	end(len(piece))
	if from == 0 {
		return piece, 0
	}
	b.WriteString(piece[from:])
	return b.String(), cut
}

func countExactly(piece string) int {
	n, err := encoder().Count(piece)
	if err != nil {
		// The pattern engine fails only with a time limit, and there is none. If that
		// changes, the number of bytes is an upper bound for the number of tokens.
		return len(piece)
	}
	return n
}

// CutTokens returns the longest beginning of the text with at most limit tokens, further
// shortened to the end of a sentence, or of a word, if one is near. It never cuts inside
// a rune. A text within the limit is returned unchanged, except that broken UTF-8 becomes
// U+FFFD.
func CutTokens(text string, limit int) string {
	if limit <= 0 {
		return ""
	}
	text = strings.ToValidUTF8(text, "\uFFFD")
	end := prefixLen(text, limit)
	if end == len(text) {
		return text
	}
	kept := text[:niceEnd(text, end)]
	// The last word may have more tokens alone than followed by the rest of the text, so
	// the part is counted again.
	for kept != "" {
		if _, ok := TokensUpTo(kept, limit); ok {
			break
		}
		kept = kept[:niceEnd(kept, len(kept)-1)]
	}
	return kept
}

// prefixLen returns how many bytes the first limit tokens of valid text cover. The last
// token may end inside a rune.
func prefixLen(text string, limit int) int {
	end := 0
	for end < len(text) {
		size := pieceLen(text[end:])
		_, parts, err := encoder().Encode(text[end : end+size])
		if err != nil { // see countExactly
			return end
		}
		if len(parts) <= limit {
			limit -= len(parts)
			end += size
			continue
		}
		for _, p := range parts[:limit] {
			end += len(p)
		}
		return end
	}
	return end
}

// niceEnd returns where to cut text so that at most end bytes remain: after a sentence
// in the last third, otherwise after a word in the last half, otherwise at end.
func niceEnd(text string, end int) int {
	for end > 0 && end < len(text) && !utf8.RuneStart(text[end]) {
		end--
	}
	word := 0
	var next rune
	if end < len(text) {
		next, _ = utf8.DecodeRuneInString(text[end:])
	}
	for at := end; at > end/2; {
		r, size := utf8.DecodeLastRuneInString(text[:at])
		if at > end-end/3 && endsSentence(r, next) {
			return at
		}
		if word == 0 && !unicode.IsSpace(r) && unicode.IsSpace(next) {
			word = at
		}
		next, at = r, at-size
	}
	if word > 0 {
		return word
	}
	return end
}

func endsSentence(r, next rune) bool {
	switch r {
	case '.', '!', '?', '\u061F', '\u06D4', '\u0964', '\u2026':
		return unicode.IsSpace(next)
	case '\u3002', '\uFF01', '\uFF1F':
		return true
	}
	return false
}

// pieceLen returns the length in bytes of the first piece of text.
func pieceLen(text string) int {
	blanks := 0
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRuneInString(text[i:])
		space := unicode.IsSpace(r)
		switch {
		case i >= maxPiece, blanks >= maxBlankRun:
			return i
		case i >= minPiece && r == ' ' && blanks == 0:
			return i
		}
		if space {
			blanks += size
		} else {
			blanks = 0
		}
		i += size
	}
	return len(text)
}
