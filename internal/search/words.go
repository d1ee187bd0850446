package search

import (
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/lethe-chat/lethe/internal/dates"
	"github.com/lethe-chat/lethe/internal/store"
	"github.com/lethe-chat/lethe/internal/text"
)

// wordsOf returns what the keyword leg looks for: the terms of a query, the days that it names,
// and the spellings of words that are nowhere.
func wordsOf(query string, terms []string, today time.Time) store.Words {
	return store.Words{Terms: terms, Days: daysOf(query, today), Spellings: func(term string) []string { return spellings(query, term) }}
}

// People write about a day on that day or soon after. The weights are for the day and those
// after it.
var dayWeights = [...]float64{1, 0.75, 0.5}

// yearsBack is how many years a day without a year may be in: this one and those before it.
const yearsBack = 8

// daysOf returns the terms of the days that a query names. Every passage has the term of its
// day.
func daysOf(query string, today time.Time) (days []store.Day) {
	for _, span := range dates.In(query, today) {
		for _, s := range inYears(span, today) {
			switch {
			case s.Day():
				for after, weight := range dayWeights {
					days = append(days, store.Day{Term: s.First.AddDate(0, 0, after).Format(time.DateOnly), Weight: weight})
				}
			case s.First.Day() == 1 && s.Last.AddDate(0, 0, 1).Day() == 1:
				days = append(days, store.Day{Term: s.First.Format("2006-01-"), Prefix: true, Weight: 1})
			default:
				for d := s.First; !d.After(s.Last); d = d.AddDate(0, 0, 1) {
					days = append(days, store.Day{Term: d.Format(time.DateOnly), Weight: 1})
				}
			}
		}
	}
	return days
}

// inYears returns a span in each year that it may be in, the latest first.
func inYears(s dates.Span, today time.Time) (spans []dates.Span) {
	if !s.AnyYear {
		return []dates.Span{s}
	}
	for year := today.Year(); year > today.Year()-yearsBack; year-- {
		first, last := inYear(s.First, year), inYear(s.Last, year)
		if first.Month() == s.First.Month() && !first.After(today) { // 29 February is not in every year
			if !s.Day() { // the month may have another length
				last = inYear(s.First, year).AddDate(0, 1, -1)
			}
			spans = append(spans, dates.Span{First: first, Last: last})
		}
	}
	return spans
}

func inYear(t time.Time, year int) time.Time {
	return time.Date(year, t.Month(), t.Day(), 0, 0, 0, 0, time.UTC)
}

// spellings returns the terms that a term of the query may have been meant to be.
func spellings(query, term string) []string {
	words := strings.FieldsFunc(query, func(r rune) bool { return !unicode.IsLetter(r) })
	at := slices.IndexFunc(words, func(word string) bool { return slices.Equal(text.Terms(word), []string{term}) })
	if at < 0 {
		return nil
	}
	return text.Slips(words[at])
}
