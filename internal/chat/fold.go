package chat

import (
	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// Fold makes two spellings of a text equal that differ only in case or in how
// their accents are encoded, in every script.
func Fold(s string) string { return norm.NFC.String(cases.Fold().String(s)) }
