package chat

import (
	"strings"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// oneI maps the dotless and the combining dotted i of Turkish to "i", so that
// "istanbul" and "IĞDIR" match İstanbul and Iğdır on any keyboard layout.
var oneI = strings.NewReplacer("i\u0307", "i", "ı", "i")

// Fold returns a form of a text that is equal for texts that differ only in case or in
// the encoding of accents, in every script.
func Fold(s string) string { return norm.NFC.String(oneI.Replace(cases.Fold().String(s))) }
