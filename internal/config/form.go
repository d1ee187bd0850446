package config

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/lethe-chat/lethe/internal/dates"
)

// form is what the value of a variable looks like: the words for people, and the check
// that follows from them.
type form struct {
	accepts string // completes the sentence "use ..." in an error

	// wrong says what is wrong with a value, of which it gets the text and what was read
	// from it; empty when the value is accepted. It is nil for a variable that is checked
	// by code of its own, or not at all.
	wrong func(text string, value any) string
}

// free is for values that are checked by code of their own.
func free(accepts string) form { return form{accepts: accepts} }

// modelName is the name of a model at a server. The server's checks are in checkServer.
func modelName() form {
	return free(fmt.Sprintf("a model name of the server, at most %d bytes", maxModelName))
}

// number accepts the numbers from least to most. zero says what 0 means; empty when it
// needs no explanation.
func number(kind string, least, most int, zero string) form {
	low := fmt.Sprint(least)
	if zero != "" {
		low += " (" + zero + ")"
	}
	inside := func(n float64) bool { return n >= float64(least) && n <= float64(most) } // false for NaN
	return form{
		accepts: fmt.Sprintf("%s from %s to %d", kind, low, most),
		wrong: func(_ string, value any) string {
			n, fraction := value.(float64)
			if !fraction {
				n = float64(value.(int))
			}
			return outOfRange(inside(n))
		},
	}
}

// duration accepts the durations up to most, and those over 0, or 0 too.
func duration(zero bool, most time.Duration, example string) form {
	low := "over 0 and up"
	if zero {
		low = "from 0"
	}
	return form{
		accepts: fmt.Sprintf("a duration %s to %s, such as %s", low, strings.TrimSuffix(most.String(), "0s"), example),
		wrong: func(_ string, value any) string {
			d := value.(time.Duration)
			return outOfRange(d <= most && (d > 0 || zero && d == 0))
		},
	}
}

func outOfRange(inside bool) string {
	if inside {
		return ""
	}
	return "is out of range"
}

// choice accepts one of a few words.
func choice(words ...string) form {
	last := len(words) - 1
	return form{
		accepts: strings.Join(words[:last], ", ") + " or " + words[last],
		wrong: func(text string, _ any) string {
			if slices.Contains(words, text) {
				return ""
			}
			return "is unknown"
		},
	}
}

// zone accepts the names of time zones.
func zone() form {
	return form{
		accepts: "a name of the IANA time zone database, such as Europe/Berlin",
		wrong: func(text string, _ any) string {
			if _, ok := dates.Zone(text); !ok {
				return "is not the name of a time zone"
			}
			return ""
		},
	}
}

// inAnyCase accepts the words of a choice in upper case too.
func (f form) inAnyCase() form {
	exact := f.wrong
	f.wrong = func(text string, value any) string { return exact(strings.ToLower(text), value) }
	return f
}

// besides accepts a word that is not for users.
func (f form) besides(word string) form {
	others := f.wrong
	f.wrong = func(text string, value any) string {
		if text == word {
			return ""
		}
		return others(text, value)
	}
	return f
}
