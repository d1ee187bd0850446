package gemini

import (
	"errors"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// Errors of times in HTML. They say what to do, since JSON has the same entries with times
// in UTC.
var (
	errNoTime   = errors.New("the entry has no time in a language that is known; export the activity as JSON instead of HTML")
	errZone     = errors.New("the time zone of the entry is not known or is used in several parts of the world; export the activity as JSON instead of HTML")
	errDateForm = errors.New("day and month of the entry cannot be told apart; export the activity as JSON instead of HTML")
)

var clock = regexp.MustCompile(`\d{1,2}[:.]\d{2}[:.]\d{2}`)

// looksLikeTime reports whether a line is short and has a time of day with seconds, as the
// times of entries have.
func looksLikeTime(line string) bool { return len(line) <= 100 && clock.MatchString(line) }

// localTime reads a time as the activity log writes it in HTML: in the language of the
// account, with the short name of a time zone, to the second. "Jan 2, 2025, 3:04:05 PM EST",
// "14.03.2026, 13:08:30 MEZ", "2026年6月19日 12:23:08 CST". It guesses nothing: what has two
// readings is an error.
func localTime(line string) (time.Time, error) {
	var d date
	for _, w := range word.FindAllString(clean(line), -1) {
		if err := d.take(w); err != nil {
			return time.Time{}, err
		}
	}
	return d.time()
}

// date is the result of the words of a time that were read so far.
type date struct {
	numbers []string // of the date, in order; the month is written "m7" when it was a name
	clock   []int
	slashes bool
	half    int // 1 before noon, 2 after
	zone    string
	chinese bool // the date is written with 年
	named   bool // the month is a name
}

// word matches the parts of a time: a date with points, a clock, a zone with its offset, a
// number, a name, a slash.
var word = regexp.MustCompile(`\d{1,2}\.\s?\d{1,2}\.\s?\d{4}|\d{1,2}[:.]\d{2}[:.]\d{2}|(?:GMT|UTC)[+\-−]\d{1,2}(?::?\d{2})?|\d+|[\p{L}\p{M}]+(?:\.\p{L}+)*|/`)

func (d *date) take(w string) error {
	lower := strings.ToLower(w)
	switch {
	case w == "/":
		d.slashes = true
	case d.clock == nil && clock.FindString(w) == w:
		for _, p := range strings.FieldsFunc(w, func(r rune) bool { return r == ':' || r == '.' }) {
			n, _ := strconv.Atoi(p) // two digits
			d.clock = append(d.clock, n)
		}
	case w[0] >= '0' && w[0] <= '9':
		d.numbers = append(d.numbers, strings.FieldsFunc(w, func(r rune) bool { return !unicode.IsDigit(r) })...)
	case halves[lower] != 0:
		d.half = halves[lower]
	case months[lower] != 0 && !d.named:
		d.named = true
		d.numbers = append(d.numbers, "m"+strconv.Itoa(months[lower]))
	case fillers[lower]:
		d.chinese = d.chinese || lower == "年"
	case d.clock != nil && d.zone == "":
		d.zone = w
	default:
		return errNoTime
	}
	return nil
}

func (d *date) time() (time.Time, error) {
	year, month, day, err := d.day()
	if err != nil {
		return time.Time{}, err
	}
	if len(d.clock) != 3 {
		return time.Time{}, errNoTime
	}
	hour := d.clock[0]
	if d.half != 0 {
		if hour < 1 || hour > 12 {
			return time.Time{}, errNoTime
		}
		hour %= 12
		if d.half == 2 {
			hour += 12
		}
	}
	offset, err := d.offset()
	if err != nil {
		return time.Time{}, err
	}
	at := time.Date(year, time.Month(month), day, hour, d.clock[1], d.clock[2], 0, time.UTC)
	if at.Day() != day || at.Hour() != hour || at.Minute() != d.clock[1] || at.Second() != d.clock[2] || year < 2000 || year > 9999 {
		return time.Time{}, errNoTime
	}
	return at.Add(-offset), nil
}

// day puts year, month and day in order.
func (d *date) day() (year, month, day int, err error) {
	if len(d.numbers) != 3 {
		return 0, 0, 0, errNoTime
	}
	var n [3]int
	at := -1 // of the named month
	for i, s := range d.numbers {
		digits, named := strings.CutPrefix(s, "m")
		if named {
			at = i
		}
		if n[i], err = strconv.Atoi(digits); err != nil {
			return 0, 0, 0, errNoTime
		}
	}
	yearFirst, yearLast := len(d.numbers[0]) == 4, len(d.numbers[2]) == 4
	switch {
	case yearFirst && !yearLast: // 2026-06-19, 2026. 6. 19., 2026. jún. 19.
		year, month, day = n[0], n[1], n[2]
	case yearLast && at == 0: // Jun 19, 2026
		month, day, year = n[0], n[1], n[2]
	case yearLast && at == 1: // 19 June 2026
		day, month, year = n[0], n[1], n[2]
	case yearLast && !d.slashes: // 19.06.2026, 19-06-2026
		day, month, year = n[0], n[1], n[2]
	case yearLast && n[0] > 12: // 19/06/2026
		day, month, year = n[0], n[1], n[2]
	case yearLast && n[1] > 12: // 6/19/2026
		month, day, year = n[0], n[1], n[2]
	case yearLast:
		return 0, 0, 0, errDateForm
	default:
		return 0, 0, 0, errNoTime
	}
	if month < 1 || month > 12 {
		return 0, 0, 0, errNoTime
	}
	return year, month, day, nil
}

// offset returns the difference of the time zone from UTC.
func (d *date) offset() (time.Duration, error) {
	zone := strings.ToUpper(d.zone)
	if signed := strings.TrimPrefix(strings.TrimPrefix(zone, "GMT"), "UTC"); signed != zone && signed != "" {
		return signedOffset(signed)
	}
	if zone == "CST" {
		switch {
		case d.chinese:
			return 8 * time.Hour, nil
		case d.named && d.half != 0 && strings.HasPrefix(d.numbers[0], "m"): // as written in the United States
			return -6 * time.Hour, nil
		}
	}
	if minutes, ok := zones[zone]; ok {
		return time.Duration(minutes) * time.Minute, nil
	}
	return 0, errZone
}

// signedOffset reads "+05:30", "-3", "+0530".
func signedOffset(s string) (time.Duration, error) {
	digits := strings.ReplaceAll(strings.TrimLeft(s, "+-−"), ":", "")
	if len(digits) <= 2 {
		digits += "00"
	}
	n, err := strconv.Atoi(digits)
	if err != nil || n/100 > 14 || n%100 > 59 {
		return 0, errZone
	}
	offset := time.Duration(n/100)*time.Hour + time.Duration(n%100)*time.Minute
	if !strings.HasPrefix(s, "+") {
		offset = -offset
	}
	return offset, nil
}

// zones are the short names of time zones with one meaning, and their minutes ahead of UTC.
// CST depends on the language (offset); IST (India, Ireland, Israel) and AST (Atlantic,
// Arabia) have several meanings and are errors.
var zones = map[string]int{
	"UTC": 0, "GMT": 0, "WET": 0, "WEST": 1 * h, "BST": 1 * h, "WEZ": 0, "WESZ": 1 * h,
	"CET": 1 * h, "CEST": 2 * h, "MEZ": 1 * h, "MESZ": 2 * h, "EET": 2 * h, "EEST": 3 * h, "OEZ": 2 * h, "OESZ": 3 * h, "MSK": 3 * h, "TRT": 3 * h, "SAST": 2 * h,
	"EST": -5 * h, "EDT": -4 * h, "CDT": -5 * h, "MST": -7 * h, "MDT": -6 * h, "PST": -8 * h, "PDT": -7 * h, "AKST": -9 * h, "AKDT": -8 * h, "HST": -10 * h,
	"HNE": -5 * h, "HAE": -4 * h, "HNC": -6 * h, "HAC": -5 * h, "HNR": -7 * h, "HAR": -6 * h, "HNP": -8 * h, "HAP": -7 * h,
	"BRT": -3 * h, "ART": -3 * h, "UYT": -3 * h, "COT": -5 * h, "PET": -5 * h, "ADT": -3 * h, "NST": -(3*h + 30), "NDT": -(2*h + 30),
	"JST": 9 * h, "KST": 9 * h, "HKT": 8 * h, "SGT": 8 * h, "PHT": 8 * h, "PHST": 8 * h, "ICT": 7 * h, "WIB": 7 * h, "WITA": 8 * h, "WIT": 9 * h,
	"AEST": 10 * h, "AEDT": 11 * h, "ACST": 9*h + 30, "ACDT": 10*h + 30, "AWST": 8 * h, "NZST": 12 * h, "NZDT": 13 * h,
}

const h = 60 // minutes

// halves are the words for before noon (1) and after noon (2).
var halves = map[string]int{
	"am": 1, "a.m": 1, "上午": 1, "午前": 1, "오전": 1, "fm": 1,
	"pm": 2, "p.m": 2, "下午": 2, "午後": 2, "오후": 2, "em": 2,
}

// fillers are words of dates that say nothing.
var fillers = map[string]bool{
	"年": true, "月": true, "日": true, "년": true, "월": true, "일": true, "de": true, "del": true, "at": true, "um": true, "à": true,
	"om": true, "kl": true, "klo": true, "в": true, "о": true, "г": true, "р": true,
}

// monthNames are the names of the months, short and long, by language. No name means different months in two of these
// languages.
var monthNames = []string{
	"jan feb mar apr may jun jul aug sep oct nov dec",
	"january february march april may june july august september october november december",
	"januar februar märz april mai juni juli august september oktober november dezember",
	"jän feb mär apr mai jun jul aug sept okt nov dez",
	"janv févr mars avr mai juin juil août sept oct nov déc",
	"janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
	"ene feb mar abr may jun jul ago sept oct nov dic",
	"enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
	"jan fev mar abr mai jun jul ago set out nov dez",
	"janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro",
	"gen feb mar apr mag giu lug ago set ott nov dic",
	"gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre",
	"jan feb mrt apr mei jun jul aug sep okt nov dec",
	"januari februari maart april mei juni juli augustus september oktober november december",
	"jan feb mars apr maj juni juli aug sep okt nov dec",
	"januari februari mars april maj juni juli augusti september oktober november december",
	"jan feb mar apr maj jun jul aug sep okt nov des",
	"januar februar marts april maj juni juli august september oktober november desember",
	"sty lut mar kwi maj cze lip sie wrz paź lis gru",
	"stycznia lutego marca kwietnia maja czerwca lipca sierpnia września października listopada grudnia",
	"янв февр мар апр мая июн июл авг сент окт нояб дек",
	"января февраля марта апреля мая июня июля августа сентября октября ноября декабря",
	"січ лют бер квіт трав черв лип серп вер жовт лист груд",
	"січня лютого березня квітня травня червня липня серпня вересня жовтня листопада грудня",
	"oca şub mar nis may haz tem ağu eyl eki kas ara",
	"ocak şubat mart nisan mayıs haziran temmuz ağustos eylül ekim kasım aralık",
	"jan feb mar apr mei jun jul agu sep okt nov des",
	"januari februari maret april mei juni juli agustus september oktober november desember",
	"jan febr márc ápr máj jún júl aug szept okt nov dec",
}

var months = monthNumbers(monthNames)

func monthNumbers(languages []string) map[string]int {
	known := make(map[string]int)
	for _, language := range languages {
		for i, name := range strings.Fields(language) {
			known[name] = i + 1
		}
	}
	return known
}
