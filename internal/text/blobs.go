package text

import (
	"iter"
	"strings"
)

// MinBlob is the minimum length of a blob in bytes. A shorter run, such as a hash or a
// key, is indexed as a word.
const MinBlob = 129

// Blobs returns the byte ranges of encoded data, in order: base64 and hex of at least
// MinBlob bytes, also when wrapped into lines or written in groups, and data URIs. A long
// path and a long name made of words are not blobs. The time is linear in the length of
// the text.
func Blobs(text string) iter.Seq2[int, int] {
	return func(yield func(start, end int) bool) {
		for at := 0; at < len(text); {
			if !encoding[text[at]] {
				at++
				continue
			}
			end := runOf(text, at)
			start := at
			switch {
			case text[end-1] == 'a' && strings.HasSuffix(text[at:end], "data") && strings.HasPrefix(text[end:], ":"):
				if uri := dataURI(text, end); uri > 0 {
					start, end = end-len("data"), uri
					break
				}
				at = end
				continue
			case end-at >= MinBlob && !wordy(text[at:end]):
			default:
				if groups := groupsOf(text, at, end); groups > end && groups-at >= MinBlob {
					end = groups
					break
				}
				at = end
				continue
			}
			if !yield(start, end) {
				return
			}
			at = end
		}
	}
}

// Words returns the byte ranges between the blobs of a text, in order.
func Words(text string) iter.Seq2[int, int] {
	return func(yield func(start, end int) bool) {
		at := 0
		for start, end := range Blobs(text) {
			if start > at && !yield(at, start) {
				return
			}
			at = end
		}
		if at < len(text) {
			yield(at, len(text))
		}
	}
}

// encoding has the characters of base64, in both of its alphabets, which include hex.
var encoding = func() (t [256]bool) {
	for r := range t {
		t[r] = r < len(asciiClasses) && asciiClasses[r] == spaced
	}
	for _, r := range "+/=-_" {
		t[r] = true
	}
	return t
}()

// A line of encoded data continues in the next line only if its length is in this range.
const shortestLine, longestLine = 60, 128

// runOf returns the end of the run of encoded data that begins at a byte. The run may
// include line breaks after long lines.
func runOf(text string, at int) int {
	line := at
	end := at
	for {
		for end < len(text) && encoding[text[end]] {
			end++
		}
		next := end
		if next < len(text) && text[next] == '\r' {
			next++
		}
		if end-line < shortestLine || end-line > longestLine || next+1 >= len(text) || text[next] != '\n' || !encoding[text[next+1]] || !goesOn(text, next+1, end-line) {
			return end
		}
		line, end = next+1, next+1
	}
}

// goesOn reports whether the line at a byte continues encoded data with lines of the
// given length. It must contain only encoded data, and have the same length or be a
// shorter last line that is not a word.
func goesOn(text string, at, length int) bool {
	end := at
	for end < len(text) && end-at <= length && encoding[text[end]] {
		end++
	}
	if end-at > length || (end < len(text) && strings.IndexByte("\n\r\"", text[end]) < 0) {
		return false
	}
	return end-at == length || !isWord(text[at:end])
}

// isWord reports whether s has only letters, with no capital after the first letter.
func isWord(s string) bool {
	for i := range len(s) {
		if kind := kindOf(s[i]); kind != 'a' && (kind != 'A' || i > 0) {
			return false
		}
	}
	return true
}

// dataURI returns the end of the data URI whose colon is at a byte, or 0 if it is none.
func dataURI(text string, colon int) int {
	const mostHeader = 200
	header := text[colon+1 : min(len(text), colon+1+mostHeader)]
	comma := strings.IndexByte(header, ',')
	if comma < 0 || strings.ContainsAny(header[:comma], " \t\r\n\"'<>") {
		return 0
	}
	at := colon + 1 + comma + 1
	if strings.HasSuffix(header[:comma], ";base64") {
		if at < len(text) && encoding[text[at]] {
			return runOf(text, at)
		}
		return at
	}
	if !strings.Contains(header[:comma], "/") {
		return 0
	}
	for at < len(text) && text[at] > ' ' && !strings.ContainsRune("\"'<>)", rune(text[at])) {
		at++
	}
	return at
}

// wordy reports whether a long run of encoding characters is a path or a name made of
// words: its parts are short, and few of its letters are next to a letter of another
// kind.
func wordy(run string) bool {
	const longPart, mostChanges = 16, 4 // at most one change in mostChanges letters
	parts, letters, changes := 1, 0, 0
	before := byte(other)
	for i := range len(run) {
		kind := kindOf(run[i])
		if kind == other {
			if before != other {
				parts++
			}
		} else {
			letters++
			if before != other && before != kind && !(before == 'A' && kind == 'a') {
				changes++
			}
		}
		before = kind
	}
	return letters > 0 && letters <= longPart*parts && changes*mostChanges <= letters
}

// groupsOf returns the end of a series of hex groups of equal length. The first group is
// at start..end. A space, a colon or a line break separates groups.
func groupsOf(text string, start, end int) int {
	length := end - start
	if (length != 2 && length != 4 && length != 8) || !isHex(text[start:end]) {
		return end
	}
	const longestGap = len(": \r\n")
	for {
		at := end
		for at < len(text) && at-end < longestGap && strings.IndexByte(" :\r\n", text[at]) >= 0 {
			at++
		}
		next := at + length
		if at == end || next > len(text) || !isHex(text[at:next]) || (next < len(text) && encoding[text[next]]) {
			return end
		}
		end = next
	}
}

func isHex(s string) bool {
	for i := range len(s) {
		if c := s[i]; !(c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F') {
			return false
		}
	}
	return true
}
