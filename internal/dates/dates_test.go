package dates_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/dates"
)

// wednesday is the day on which the questions are asked.
var wednesday = time.Date(2024, 3, 6, 22, 15, 0, 0, time.UTC)

func TestDatesOfQuestions(t *testing.T) {
	for question, want := range map[string][]string{
		"What did Ann say on May 8?":        {"*-05-08"},
		"and on 8 May, 2023?":               {"2023-05-08"},
		"the 22nd of March 2022":            {"2022-03-22"},
		"Sept. 3rd, 2021":                   {"2021-09-03"},
		"on 2023-05-08":                     {"2023-05-08"},
		"in 2023-02":                        {"2023-02-01 2023-02-28"},
		"in May 2023":                       {"2023-05-01 2023-05-31"},
		"what happened in February":         {"*-02-01 *-02-29"},
		"last March":                        {"2023-03-01 2023-03-31"},
		"last February":                     {"2024-02-01 2024-02-29"},
		"last Christmas":                    {"2023-12-25"},
		"Christmas 2021 or Halloween":       {"2021-12-25", "*-10-31"},
		"yesterday":                         {"2024-03-05"},
		"the day before yesterday":          {"2024-03-04"},
		"two weeks ago":                     {"2024-02-18 2024-02-24"},
		"3 days ago":                        {"2024-03-03"},
		"a month ago":                       {"2024-02-01 2024-02-29"},
		"last week":                         {"2024-02-26 2024-03-03"},
		"this week":                         {"2024-03-04 2024-03-10"},
		"last month":                        {"2024-02-01 2024-02-29"},
		"last Wednesday":                    {"2024-02-28"},
		"between 1 May 2023 and 3 May 2023": {"2023-05-01", "2023-05-03"},
		"May I march with the band, or may we not?":    nil,
		"31 June, 2023-13-01, 30 February 2023":        nil,
		"the 2010 model costs 300 in version 1.2.2023": nil,
		"": nil,
		"1 May, 2 May, 3 May, 4 May, 5 May, 6 May 2020": {"*-05-01", "*-05-02", "*-05-03", "*-05-04"},
	} {
		var got []string
		for _, s := range dates.In(question, wednesday) {
			layout := time.DateOnly
			if s.AnyYear {
				layout = "*-01-02"
			}
			written := s.First.Format(layout)
			if !s.Day() {
				written += " " + s.Last.Format(layout)
			}
			got = append(got, written)
		}
		require.Equal(t, want, got, question)
	}
}
