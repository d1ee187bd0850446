// Package dates finds the days and months that an English question names: "8 May 2023",
// "in May", "last Christmas", "two weeks ago", 2023-05-08. It is pure; the caller says what day
// it is.
package dates

import (
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Span is the days that a text names, from the first to the last.
type Span struct {
	First, Last time.Time // midnight in UTC
	AnyYear     bool      // the text names no year: the year of First and Last means nothing
}

// Day reports whether the span is one day.
func (s Span) Day() bool { return s.First.Equal(s.Last) }

// maxSpans is how many dates of a text are looked at. A question has one or two.
const maxSpans = 4

// In returns the dates that a text names, in order, at most four. Relative dates ("yesterday",
// "last May") are counted from today.
func In(text string, today time.Time) []Span {
	today = day(today.Year(), today.Month(), today.Day())
	var spans []Span
	for _, match := range named.FindAllStringSubmatchIndex(text, -1) {
		groups := map[string]string{}
		for i, name := range named.SubexpNames() {
			if name != "" && match[2*i] >= 0 {
				groups[name] = strings.ToLower(text[match[2*i]:match[2*i+1]])
			}
		}
		if s, ok := spanOf(groups, today); ok && len(spans) < maxSpans {
			spans = append(spans, s)
		}
	}
	return spans
}

// A name of a month alone is often another word (may, march), so it needs a day, a year or a
// word before it that goes with a date.
const (
	month   = `(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)`
	dayOf   = `[0-3]?\d(?:st|nd|rd|th)?`
	year    = `(?:19|20)\d\d`
	weekday = `(?:monday|tuesday|wednesday|thursday|friday|saturday|sunday)`
	before  = `(?:last|this|in|of|during|since|before|after|until|by|early|late|mid)`
	number  = `(?:\d{1,3}|an?|one|two|three|four|five|six|seven|eight|nine|ten)`
)

var named = regexp.MustCompile(`(?i)\b(?:` + strings.Join([]string{
	`(?P<isoYear>` + year + `)-(?P<isoMonth>[01]\d)(?:-(?P<isoDay>[0-3]\d))?`,
	`(?P<day1>` + dayOf + `)(?: of)? (?P<month1>` + month + `)\.?(?:,? (?P<year1>` + year + `))?`,
	`(?:` + before + `[ -])?(?P<month2>` + month + `)\.? (?P<day2>` + dayOf + `)(?:,? (?P<year2>` + year + `))?`,
	`(?:` + before + `[ -])?(?P<month3>` + month + `)\.?,? (?:of )?(?P<year3>` + year + `)`,
	`(?P<when>` + before + `)[ -](?P<month4>` + month + `)`,
	`(?:(?P<lastFeast>last) )?(?P<feast>christmas eve|christmas|new year's eve|new year's|halloween|valentine's day)(?: day)?(?:,? (?:of |in )?(?P<year5>` + year + `))?`,
	`(?P<near>yesterday|last night|today|the day before yesterday)`,
	`(?P<period>last|this) (?P<unit>week|month)`,
	`last (?P<weekday>` + weekday + `)`,
	`(?P<ago>` + number + `) (?P<agoUnit>day|week|month)s? ago`,
}, "|") + `)\b`)

func spanOf(g map[string]string, today time.Time) (Span, bool) {
	for _, f := range []func(map[string]string, time.Time) (Span, bool){isoDate, dayAndMonth, monthAlone, feast, relative, ago} {
		if s, ok := f(g, today); ok {
			return s, true
		}
	}
	return Span{}, false
}

func isoDate(g map[string]string, _ time.Time) (Span, bool) {
	if g["isoYear"] == "" {
		return Span{}, false
	}
	y, m := digits(g["isoYear"]), time.Month(digits(g["isoMonth"]))
	if m < time.January || m > time.December {
		return Span{}, false
	}
	if g["isoDay"] == "" {
		return wholeMonth(y, m), true
	}
	return oneDay(y, m, digits(g["isoDay"]))
}

func dayAndMonth(g map[string]string, _ time.Time) (Span, bool) {
	for _, n := range []string{"1", "2"} {
		name := g["month"+n]
		if name == "" {
			continue
		}
		s, ok := oneDay(yearOr(g["year"+n]), monthNamed(name), digits(strings.TrimRight(g["day"+n], "stndrh")))
		s.AnyYear = g["year"+n] == ""
		return s, ok
	}
	return Span{}, false
}

func monthAlone(g map[string]string, today time.Time) (Span, bool) {
	if name := g["month3"]; name != "" {
		return wholeMonth(digits(g["year3"]), monthNamed(name)), true
	}
	name := g["month4"]
	if name == "" {
		return Span{}, false
	}
	m := monthNamed(name)
	switch g["when"] {
	case "last":
		y := today.Year()
		if m >= today.Month() {
			y--
		}
		return wholeMonth(y, m), true
	case "this":
		return wholeMonth(today.Year(), m), true
	}
	s := wholeMonth(leapYear, m)
	s.AnyYear = true
	return s, true
}

var feasts = map[string]struct {
	month time.Month
	day   int
}{
	"christmas eve": {time.December, 24}, "christmas": {time.December, 25}, "new year's eve": {time.December, 31},
	"new year's": {time.January, 1}, "halloween": {time.October, 31}, "valentine's day": {time.February, 14},
}

func feast(g map[string]string, today time.Time) (Span, bool) {
	f, ok := feasts[g["feast"]]
	if !ok {
		return Span{}, false
	}
	y := yearOr(g["year5"])
	if g["lastFeast"] != "" && g["year5"] == "" {
		if y = today.Year(); !day(y, f.month, f.day).Before(today) {
			y--
		}
	}
	s, ok := oneDay(y, f.month, f.day)
	s.AnyYear = g["lastFeast"] == "" && g["year5"] == ""
	return s, ok
}

func relative(g map[string]string, today time.Time) (Span, bool) {
	monday := today.AddDate(0, 0, -(int(today.Weekday())+6)%7)
	switch {
	case g["near"] == "today":
		return Span{First: today, Last: today}, true
	case g["near"] == "the day before yesterday":
		return on(today.AddDate(0, 0, -2)), true
	case g["near"] != "":
		return on(today.AddDate(0, 0, -1)), true
	case g["unit"] == "week" && g["period"] == "last":
		return Span{First: monday.AddDate(0, 0, -7), Last: monday.AddDate(0, 0, -1)}, true
	case g["unit"] == "week":
		return Span{First: monday, Last: monday.AddDate(0, 0, 6)}, true
	case g["unit"] == "month" && g["period"] == "last":
		before := day(today.Year(), today.Month(), 1).AddDate(0, 0, -1)
		return wholeMonth(before.Year(), before.Month()), true
	case g["unit"] == "month":
		return wholeMonth(today.Year(), today.Month()), true
	case g["weekday"] != "":
		for d := today.AddDate(0, 0, -1); ; d = d.AddDate(0, 0, -1) {
			if strings.EqualFold(d.Weekday().String(), g["weekday"]) {
				return on(d), true
			}
		}
	}
	return Span{}, false
}

var numbers = map[string]int{
	"a": 1, "an": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5,
	"six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10,
}

// ago is a day for days, the week around it for weeks, and the month for months: people
// remember no better.
func ago(g map[string]string, today time.Time) (Span, bool) {
	if g["agoUnit"] == "" {
		return Span{}, false
	}
	n, ok := numbers[g["ago"]]
	if !ok {
		n = digits(g["ago"])
	}
	switch g["agoUnit"] {
	case "day":
		return on(today.AddDate(0, 0, -n)), true
	case "week":
		d := today.AddDate(0, 0, -7*n)
		return Span{First: d.AddDate(0, 0, -3), Last: d.AddDate(0, 0, 3)}, true
	}
	d := day(today.Year(), today.Month(), 1).AddDate(0, -n, 0)
	return wholeMonth(d.Year(), d.Month()), true
}

// leapYear stands for an unknown year, so that 29 February exists.
const leapYear = 2000

func yearOr(s string) int {
	if s == "" {
		return leapYear
	}
	return digits(s)
}

func on(d time.Time) Span { return Span{First: d, Last: d} }

// oneDay returns false for a day that the month does not have.
func oneDay(y int, m time.Month, d int) (Span, bool) {
	t := day(y, m, d)
	return on(t), m >= time.January && m <= time.December && d >= 1 && t.Month() == m
}

func wholeMonth(y int, m time.Month) Span {
	first := day(y, m, 1)
	return Span{First: first, Last: first.AddDate(0, 1, -1)}
}

func day(y int, m time.Month, d int) time.Time { return time.Date(y, m, d, 0, 0, 0, 0, time.UTC) }

// monthNamed reads the first three letters, which all forms of the name have.
func monthNamed(name string) time.Month {
	const names = "janfebmaraprmayjunjulaugsepoctnovdec"
	return time.Month(strings.Index(names, strings.ToLower(name[:3]))/3 + 1)
}

func digits(s string) int {
	n, _ := strconv.Atoi(s) // the expression matches digits only
	return n
}
