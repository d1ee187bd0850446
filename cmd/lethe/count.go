package main

import "strconv"

// count returns a number and its noun in the right form: "1 conversation", "2 conversations". noun is singular and
// takes an s.
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return strconv.Itoa(n) + " " + noun + "s"
}

// wasWere returns the right verb for a number.
func wasWere(n int) string {
	if n == 1 {
		return "was"
	}
	return "were"
}
