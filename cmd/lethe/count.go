package main

import "strconv"

// count is a number with its noun in the right form: "1 conversation", "2
// conversations". The noun is singular and takes an s.
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return strconv.Itoa(n) + " " + noun + "s"
}

// wasWere is the verb for a number of things.
func wasWere(n int) string {
	if n == 1 {
		return "was"
	}
	return "were"
}
