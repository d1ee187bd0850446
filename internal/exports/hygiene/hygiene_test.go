package hygiene

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestText(t *testing.T) {
	for in, want := range map[string]string{
		"plain\n\ttext":             "plain\n\ttext",
		"nul\x00 inside":            "nul inside",
		"bell\x07 and esc\x1b7":     "bell and esc7",
		"\x1b[1;31mred\x1b[0m text": "red text",
		"\u009b1mbold":              "bold",
		"\x1b[":                     "[",
		"\x1b[12":                   "[12",
		"crlf\r\nand cr\rend\r":     "crlf\nand cr\nend\n",
		"delete\x7f and c1\u0085x":  "delete and c1x",
		"bad\xffbyte":               "bad\ufffdbyte",
		"cut \xe2\x82":              "cut \ufffd\ufffd",
		"\ufffd stays":              "\ufffd stays",
		"emoji 👩‍👩‍👧 and ü":         "emoji 👩‍👩‍👧 and ü",
	} {
		require.Equal(t, want, Text(in), "%q", in)
	}
}

func TestUncited(t *testing.T) {
	for in, want := range map[string]string{
		"It rains.\ue200cite\ue202turn0search1\ue202turn0search2\ue201 Often.": "It rains. Often.",
		"\ue200navlist\ue202Title\ue201":                                       "",
		"open \ue200 to the end\nnext line":                                    "open  to the end\nnext line",
		"stray\ue201 and \ue202":                                               "stray and ",
		"two \ue200a\ue201and\ue200b\ue201.":                                   "two and.",
		"other private \ue300 stays":                                           "other private \ue300 stays",
	} {
		require.Equal(t, want, Uncited(in), "%q", in)
	}
}
