package postgres

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"strconv"
	"strings"

	"gorm.io/gorm"

	"github.com/lethe-chat/lethe/internal/store/dialect"
)

// Terms are stored as numbers, so that no index contains a word. A number is a part of the
// term's hash under the database's own key (ADR 28). Two terms may have the same number,
// so a byte of the hash is stored with the places of each.

// termNumbers is how many numbers there are, from 1. It is the largest dimension of a
// sparsevec.
const termNumbers = 1_000_000_000

// termsSecret is the name of the key in the table of secrets.
const termsSecret = "terms"

// termKey is the key of the hashes of terms. It never changes.
type termKey []byte

// termID identifies a term in a passage.
type termID struct {
	number int32 // 1 to termNumbers
	check  byte
}

func (id termID) compare(other termID) int {
	return cmp.Or(cmp.Compare(id.number, other.number), cmp.Compare(id.check, other.check))
}

// id returns what a term is stored as.
func (k termKey) id(term string) termID {
	sum := sha256.Sum256(append(append(make([]byte, 0, 96), k...), term...))
	number := binary.BigEndian.Uint64(sum[:8]) & (1<<63 - 1) % termNumbers
	return termID{number: 1 + int32(number), check: sum[8]} //nolint:gosec // it is less than termNumbers
}

// ids returns what the terms of a query are stored as.
func (k termKey) ids(terms []dialect.Term) []termID {
	ids := make([]termID, len(terms))
	for i, t := range terms {
		if ids[i] = k.id(t.Text); t.Prefix {
			ids[i] = k.id(t.Text + ofMonth)
		}
	}
	return ids
}

// ofMonth follows the beginning of a day, up to its month, in a term that stands for all
// days of the month.
const ofMonth = "*"

// monthOf returns the term that stands for the month of a term that begins like a day
// ("1:2023-05-"); empty for other terms.
func monthOf(term string) string {
	_, word, _ := strings.Cut(term, ":")
	const form = "0000-00-"
	if len(word) < len(form) {
		return ""
	}
	for i := range len(form) {
		if isDigit := word[i] >= '0' && word[i] <= '9'; isDigit != (form[i] == '0') || !isDigit && word[i] != '-' {
			return ""
		}
	}
	return term[:len(term)-len(word)+len(form)] + ofMonth
}

// termKey returns the key of this database.
func (d *Database) termKey(db *gorm.DB) (termKey, error) {
	if key := d.terms.Load(); key != nil {
		return *key, nil
	}
	var key termKey
	err := db.Raw("SELECT value FROM secrets WHERE name = ?", termsSecret).Row().Scan((*[]byte)(&key))
	if err == nil {
		d.terms.Store(&key)
	}
	return key, err
}

// storedTerms are the terms of a passage as they are stored.
type storedTerms struct {
	numbers []int32 // of each term, in order
	counts  string  // how often the passage contains each, as a sparsevec
	places  []byte
}

// store returns what is stored of the terms of a passage, which are joined by blanks.
func (k termKey) store(terms string) storedTerms {
	places := map[termID][]int{}
	for i, term := range strings.Fields(terms) {
		id := k.id(term)
		places[id] = append(places[id], i+1)
		if month := monthOf(term); month != "" {
			id = k.id(month)
			places[id] = append(places[id], i+1)
		}
	}
	ids := make([]termID, 0, len(places))
	for id := range places {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, termID.compare)
	s := storedTerms{numbers: make([]int32, len(ids))}
	counts := make([]weighedNumber, len(ids))
	for i, id := range ids {
		n := len(places[id])
		s.numbers[i], counts[i] = id.number, weighedNumber{id.number, saturated(n)}
		s.places = binary.AppendUvarint(append(s.places, id.check), uint64(n)) //nolint:gosec // not negative
		for _, place := range places[id][:min(n, dialect.MaxPlaces)] {
			s.places = binary.AppendUvarint(s.places, uint64(place)) //nolint:gosec // not negative
		}
	}
	s.counts = sparse(counts)
	return s
}

// saturated is how a count is stored: 1 for a single occurrence, and at most 2. It is near
// to what BM25 makes of the count in a passage of average length.
func saturated(n int) float64 { return 2 * float64(n) / float64(n+1) }

// weighedNumber is an element of a sparsevec.
type weighedNumber struct {
	number int32
	weight float64
}

// sparse writes a sparsevec. Elements with the same number are added.
func sparse(elements []weighedNumber) string {
	slices.SortStableFunc(elements, func(a, b weighedNumber) int { return cmp.Compare(a.number, b.number) })
	b := []byte{'{'}
	for i := 0; i < len(elements); {
		number, sum := elements[i].number, 0.0
		for ; i < len(elements) && elements[i].number == number; i++ {
			sum += elements[i].weight
		}
		if len(b) > 1 {
			b = append(b, ',')
		}
		b = append(strconv.AppendInt(b, int64(number), 10), ':')
		b = strconv.AppendFloat(b, sum, 'g', -1, 32)
	}
	return string(strconv.AppendInt(append(b, "}/"...), termNumbers, 10))
}

// find returns the places of each of the asked terms in a passage, and how often it
// contains them.
func (s storedTerms) find(asked []termID) (places [][]int, counts []int) {
	places, counts = make([][]int, len(asked)), make([]int, len(asked))
	left := s.places
	read := func() int {
		n, size := binary.Uvarint(left)
		left = left[max(size, 0):]
		return int(n) //nolint:gosec // written from an int
	}
	for _, number := range s.numbers {
		if len(left) == 0 {
			break
		}
		id := termID{number: number, check: left[0]}
		left = left[1:]
		n := read()
		at := slices.Index(asked, id)
		for range min(n, dialect.MaxPlaces) {
			if place := read(); at >= 0 {
				places[at] = append(places[at], place)
			}
		}
		if at >= 0 {
			counts[at] = n
		}
	}
	return places, counts
}

// numbersIn reads an array of PostgreSQL.
func numbersIn(array string) []int32 {
	numbers := make([]int32, 0, strings.Count(array, ",")+1)
	for part := range strings.SplitSeq(strings.Trim(array, "{}"), ",") {
		if n, err := strconv.ParseInt(part, 10, 32); err == nil {
			numbers = append(numbers, int32(n))
		}
	}
	return numbers
}

func numbersOf(ids []termID) string {
	list := make([]string, len(ids))
	for i, id := range ids {
		list[i] = strconv.Itoa(int(id.number))
	}
	return array(list)
}

// EncodeTerms returns what is stored of the terms of a passage, which are joined by blanks,
// in a database with this key.
func EncodeTerms(key []byte, terms string) (numbers []int32, counts string, places []byte) {
	s := termKey(key).store(terms)
	return s.numbers, s.counts, s.places
}
