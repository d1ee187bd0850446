package recall

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// A language model reads what looks like a mark of the frame as one, whatever its characters are. So
// what looks like a mark is escaped too: letters of other scripts, full-width and styled letters,
// accents, digits in place of letters, and anything invisible or any punctuation between them.

// markName are the letters of the frame's tag.
const markName = "chathistory"

// lookalikes are, for each letter of the tag, letters and signs that look like it and that Unicode
// does not decompose to it. Letters without case variants are listed as they are.
const lookalikes = "c:сϲᴄⲥꮯᏟꓚ¢ h:һհᏂꮒʜнηꓧⱨɦћ a:аαɑᴀꓮᎪꭺ4@ t:тτᴛᎢꭲꓔŧ7+† i:іιıɩӏɪꙇᎥꭵlⵏ1|! s:ѕꜱᏚꮪꓢʂƽ5$ " +
	"o:оοᴏօσⲟꓳøჿ0 r:гᴦʀᏒꮢꓣꭇꮁɼ y:уүγʏყυᎩꭹꓬỿɣ"

// Signs that look like the beginning of a tag, and like the brackets of a passage's number.
const (
	openings = "<＜﹤≮‹«《︽〈︿〈⟨❮❰❬˂ᐸ⧼≺≪⋖⪡⪻≲⩽◁◀⏴"
	brackets = "[［⁅〔﹝【〖⟦❲⦗⁽₍"
	closings = "]］⁆〕﹞】〗⟧❳⦘⁾₎"
)

// looksLike reports whether a rune looks like a letter of the tag. The rune is lower case, without accents.
func looksLike(r, letter rune) bool {
	if r == letter {
		return true
	}
	if r < utf8.RuneSelf && unicode.IsLetter(r) && r != 'l' {
		return false
	}
	_, list, _ := strings.Cut(" "+lookalikes, " "+string(letter)+":")
	list, _, _ = strings.Cut(list, " ")
	return strings.ContainsRune(list, r)
}

// decomposed returns what a reader sees of a rune: without its style, its width and its case, and
// with its accents as runes of their own.
func decomposed(r rune) string {
	if r < utf8.RuneSelf {
		return string(unicode.ToLower(r))
	}
	return strings.ToLower(norm.NFKD.String(string(r)))
}

func opens(r rune) bool { return strings.ContainsRune(openings, r) }

// isMark reports whether what follows an opening sign looks like the name of the tag.
func isMark(rest string) bool {
	missing := markName
	for _, r := range rest {
		if opens(r) {
			return false
		}
		for _, base := range decomposed(r) {
			switch {
			case looksLike(base, rune(missing[0])):
				if missing = missing[1:]; missing == "" {
					return true
				}
			case unicode.IsLetter(base) && !invisible(base):
				return false
			}
		}
	}
	return false
}

// invisible reports whether a letter has no shape: the Hangul fillers. Everything else that is
// invisible is no letter.
func invisible(r rune) bool { return r == 'ᅟ' || r == 'ᅠ' || r == 'ㅤ' || r == 'ﾠ' }

// withoutMarks escapes everything that looks like a tag of the frame.
func withoutMarks(text string) string {
	var b strings.Builder
	kept := 0
	for i, r := range text {
		if size := utf8.RuneLen(r); opens(r) && size > 0 && isMark(text[i+size:]) {
			b.WriteString(text[kept:i] + "&lt;") // a strings.Builder returns no error
			kept = i + size
		}
	}
	if kept == 0 {
		return text
	}
	return b.String() + text[kept:]
}

// fenceSigns are signs that look like a backtick, of which three make a fence.
const fenceSigns = "`ˋ｀‵ʽ‛՝ߴߵ῾`"

// withoutFences replaces everything that looks like three backticks by apostrophes.
func withoutFences(text string) string {
	if !strings.ContainsAny(text, fenceSigns) {
		return text
	}
	runes := []rune(text)
	var run []int // the signs of one run
	end := func() {
		if len(run) >= 3 {
			for _, i := range run {
				runes[i] = '\''
			}
		}
		run = run[:0]
	}
	for i, r := range runes {
		switch {
		case strings.ContainsRune(fenceSigns, r):
			run = append(run, i)
		case !unseen(r):
			end()
		}
	}
	end()
	return string(runes)
}

// unseen reports whether a rune takes no place in a line.
func unseen(r rune) bool {
	return unicode.In(r, unicode.Cf, unicode.Mn, unicode.Me, unicode.Cc) && r != '\n' && r != '\r' && r != '\t' || invisible(r)
}

// withoutHeadings escapes what looks like the number of a passage at the beginning of a line, so
// that a text cannot pass for a passage of another conversation.
func withoutHeadings(text string) string {
	var b strings.Builder
	kept, begins := 0, true
	for i, r := range text {
		switch {
		case breaksLine(r):
			begins = true
		case !begins:
		case strings.ContainsRune(brackets, r):
			if begins = false; isNumber(text[i+utf8.RuneLen(r):]) {
				b.WriteString(text[kept:i] + `\`) // a strings.Builder returns no error
				kept = i
			}
		case r == '\\' || unicode.IsNumber(r) || unicode.IsLetter(r) && !invisible(r):
			begins = false
		}
	}
	if b.Len() == 0 {
		return text
	}
	return b.String() + text[kept:]
}

func breaksLine(r rune) bool { return strings.ContainsRune("\n\r\v\f\u0085\u2028\u2029", r) }

// isNumber reports whether what follows a bracket is one number and another bracket. A day, as it
// stands above messages, is no number.
func isNumber(rest string) bool {
	digits, ended := false, false
	for _, r := range rest {
		switch {
		case unicode.IsNumber(r):
			if ended {
				return false
			}
			digits = true
		case strings.ContainsRune(closings, r):
			return digits
		case breaksLine(r), unicode.IsLetter(r) && !invisible(r):
			return false
		case !unseen(r) && !unicode.IsSpace(r):
			ended = digits
		}
	}
	return false
}
