package markdown

import (
	"regexp"
	"strings"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/text"
)

// maxEmbed is the length of the longest text that is looked at, in bytes. A longer one is quoted.
const maxEmbed = 1 << 20

// Embed returns the Markdown of a message so that it can stand below a heading of level 2 in a
// document with further messages: its headings are of level 3 or less, and nothing that it opens,
// such as a code block, reaches into what follows. It ends with a line break, unless it is empty.
func Embed(message string) string {
	message = strings.Trim(lineBreaks.Replace(message), "\n")
	if strings.TrimSpace(message) == "" {
		return ""
	}
	if len(message) > maxEmbed {
		return quoted(message)
	}
	if !contained(message) {
		if message = lowered(message); !contained(message) {
			return quoted(message)
		}
	}
	return message + "\n"
}

var lineBreaks = strings.NewReplacer("\r\n", "\n", "\r", "\n")

// quoted returns a text as a block quote, which contains whatever it has.
func quoted(message string) string {
	var out strings.Builder
	for line := range strings.Lines(message) {
		out.WriteString("> ")
		out.WriteString(line)
	}
	out.WriteByte('\n')
	return out.String()
}

// contained reports whether a heading after the text is one, and the only one of its level.
func contained(message string) bool {
	source := []byte(message + "\n\n## after\n")
	document := goldmark.DefaultParser().Parse(text.NewReader(source))
	last, ok := document.LastChild().(*ast.Heading)
	if !ok || last.Level != 2 {
		return false
	}
	for node := document.FirstChild(); node != ast.Node(last); node = node.NextSibling() {
		if h, ok := node.(*ast.Heading); ok && h.Level <= 2 {
			return false
		}
	}
	return true
}

var (
	heading   = regexp.MustCompile(`^( {0,3})(#{1,6})([ \t].*|)$`)
	underline = regexp.MustCompile(`^( {0,3})(=+|-+)[ \t]*$`)
	fence     = regexp.MustCompile("^ {0,3}(`{3,}|~{3,})(.*)$")
)

// lowered lowers the headings of a text by two levels and closes its last code block. It knows
// the usual forms of both; the caller checks the result.
func lowered(message string) string {
	var out []string
	open := "" // the fence of the code block
	paragraph := false
	for line := range strings.SplitSeq(message, "\n") {
		mark := fence.FindStringSubmatch(line)
		switch {
		case open != "":
			if mark != nil && strings.HasPrefix(mark[1], open) && strings.TrimSpace(mark[2]) == "" {
				open = ""
			}
		case mark != nil && (mark[1][0] == '~' || !strings.Contains(mark[2], "`")):
			open = mark[1]
		default:
			if h := heading.FindStringSubmatch(line); h != nil {
				line = h[1] + strings.Repeat("#", min(len(h[2])+2, 6)) + h[3]
			} else if u := underline.FindStringSubmatch(line); u != nil && paragraph {
				line = u[1] + `\` + strings.TrimLeft(line, " ")
			}
		}
		paragraph = open == "" && mark == nil && strings.TrimSpace(line) != ""
		out = append(out, line)
	}
	if open != "" {
		out = append(out, open)
	}
	return strings.Join(out, "\n")
}

// special are the characters that mean something in a line of Markdown.
var special = strings.NewReplacer(`\`, `\\`, "`", "\\`", "*", `\*`, "_", `\_`, "[", `\[`, "]", `\]`, "<", `\<`, ">", `\>`,
	"#", `\#`, "&", `\&`, "|", `\|`, "~", `\~`, "!", `\!`, "$", `\$`, "\n", " ", "\r", " ")

// Escape returns a line as Markdown that shows it as it is.
func Escape(line string) string { return special.Replace(line) }
