package container

import (
	"bytes"
	"io"

	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/encoding/unicode/utf32"
	"golang.org/x/text/transform"
)

// encoding is how the text of a file is written.
type encoding int

const (
	plain  encoding = iota // UTF-8, or no text at all
	marked                 // UTF-8 with a byte order mark
	utf16LE
	utf16BE
	utf32LE
	utf32BE
	noText
)

// marks are the byte order marks. UTF-32 comes before UTF-16, because its mark begins with that of UTF-16.
var marks = [...]struct {
	bytes string
	is    encoding
}{
	{"\xef\xbb\xbf", marked}, {"\xff\xfe\x00\x00", utf32LE}, {"\x00\x00\xfe\xff", utf32BE}, {"\xff\xfe", utf16LE}, {"\xfe\xff", utf16BE},
}

// encodingOf detects the encoding of a file from its first bytes. Without a byte order mark, UTF-16 and UTF-32 can be
// recognised by the zeros beside the first character, which is ASCII in JSON, CSV and HTML.
func encodingOf(head []byte) encoding {
	for _, mark := range marks {
		if bytes.HasPrefix(head, []byte(mark.bytes)) {
			return mark.is
		}
	}
	if bytes.IndexByte(head, 0) < 0 || len(head) < 4 {
		return plain
	}
	var zeros string
	for _, b := range head[:4] {
		zeros += map[bool]string{true: "0", false: "x"}[b == 0]
	}
	first := bytes.Trim(head[:4], "\x00")
	if len(first) > 0 && bytes.IndexByte([]byte("{[<\" \r\n\t"), first[0]) >= 0 {
		switch zeros {
		case "x000":
			return utf32LE
		case "000x":
			return utf32BE
		case "x0x0":
			return utf16LE
		case "0x0x":
			return utf16BE
		}
	}
	return noText
}

// decode returns a reader of the same text as UTF-8 without a byte order mark.
func (e encoding) decode(in io.ReadCloser) io.ReadCloser {
	var decoder transform.Transformer
	switch e {
	case plain, noText:
		return in
	case marked:
		_, _ = io.CopyN(io.Discard, in, 3) // the next read returns an error again
		return in
	case utf16LE:
		decoder = unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewDecoder()
	case utf16BE:
		decoder = unicode.UTF16(unicode.BigEndian, unicode.UseBOM).NewDecoder()
	case utf32LE:
		decoder = utf32.UTF32(utf32.LittleEndian, utf32.UseBOM).NewDecoder()
	case utf32BE:
		decoder = utf32.UTF32(utf32.BigEndian, utf32.UseBOM).NewDecoder()
	}
	return decoded{transform.NewReader(in, decoder), in}
}

type decoded struct {
	io.Reader
	io.Closer
}
