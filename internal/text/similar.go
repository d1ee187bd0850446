package text

// nearDuplicate is the share of common terms from which two texts are near duplicates.
const nearDuplicate = 0.8

// NearDuplicate reports whether two texts, given as their terms from Terms, say nearly the same: at least four fifths
// of their distinct terms are common to both. A text without terms is not a near-duplicate of any text.
func NearDuplicate(a, b []string) bool {
	if len(a) == 0 || len(b) == 0 {
		return false
	}
	const inA, inB = 1, 2
	in := make(map[string]uint8, len(a)+len(b))
	for _, term := range a {
		in[term] |= inA
	}
	for _, term := range b {
		in[term] |= inB
	}
	common := 0
	for _, where := range in {
		if where == inA|inB {
			common++
		}
	}
	return float64(common) >= nearDuplicate*float64(len(in))
}
