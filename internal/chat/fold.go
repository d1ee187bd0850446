package chat

import (
	"strings"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// oneI makes one letter of the four i's of Turkish: who types "istanbul" or
// "IĞDIR" means İstanbul and Iğdır, whichever keyboard it was typed on.
var oneI = strings.NewReplacer("i\u0307", "i", "ı", "i")

// Fold makes two spellings of a text equal that differ only in case or in how
// their accents are encoded, in every script.
func Fold(s string) string { return norm.NFC.String(oneI.Replace(cases.Fold().String(s))) }
