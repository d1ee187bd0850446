package chatgpt

import (
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/lethe-chat/lethe/internal/exports/format"
	"github.com/lethe-chat/lethe/internal/exports/loose"
)

// document returns the document that a message contains beside or instead of its text: a report of deep research, or
// a canvas. kind is the warning that counts it.
func (m *message) document() (text string, kind format.Warning) {
	if text := m.report(); text != "" {
		return text, Research
	}
	return m.canvas(), Canvas
}

// report returns the report of deep research, which is in the metadata of a hidden message.
func (m *message) report() string {
	longest := ""
	for _, value := range m.Metadata.Research {
		longest = longer(longest, findReport(value, 0))
	}
	return longest
}

// reportDepth is how many objects and strings with JSON may be around a report.
const reportDepth = 8

// findReport searches a value for `report_message`, also in JSON inside of strings.
func findReport(value jsontext.Value, depth int) string {
	if depth > reportDepth {
		return ""
	}
	switch value.Kind() {
	case '"':
		text := strings.TrimSpace(loose.String(value))
		if !strings.HasPrefix(text, "{") || !strings.Contains(text, "report_message") {
			return ""
		}
		return findReport(jsontext.Value(text), depth+1)
	case '{':
		var fields map[string]jsontext.Value
		if json.Unmarshal(value, &fields, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)) != nil {
			return ""
		}
		if report, ok := fields["report_message"]; ok {
			return reportText(report)
		}
		longest := ""
		for _, field := range fields {
			longest = longer(longest, findReport(field, depth+1))
		}
		return longest
	}
	return ""
}

// longer returns the longer of two texts, or the first in alphabetical order.
func longer(a, b string) string {
	if len(b) > len(a) || len(b) == len(a) && b < a {
		return b
	}
	return a
}

// reportText returns the text of a report: a message, a string, or a string with a message.
func reportText(value jsontext.Value) string {
	var report loose.Embedded[struct {
		Content content    `json:"content"`
		Text    loose.Text `json:"text"`
	}]
	if json.Unmarshal(value, &report, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)) != nil {
		return ""
	}
	if !report.Is {
		return loose.String(report.Other)
	}
	written := message{Content: report.Value.Content}
	text, _ := written.text(&format.Out{})
	if text == "" {
		text = string(report.Value.Text)
	}
	return text
}

// canvas returns the document that a call of the canvas tool writes: a new one, or one whose whole text is replaced.
// Changes of a part are left out.
func (m *message) canvas() string {
	if !strings.HasPrefix(string(m.Recipient), "canmore.") {
		return ""
	}
	call, _ := m.text(&format.Out{})
	var written struct {
		Name    loose.Text `json:"name"`
		Content loose.Text `json:"content"`
		Updates loose.List[struct {
			Pattern     loose.Text `json:"pattern"`
			Replacement loose.Text `json:"replacement"`
		}] `json:"updates"`
	}
	if json.Unmarshal([]byte(call), &written, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)) != nil {
		return ""
	}
	if len(written.Updates) == 1 && written.Updates[0].Pattern == ".*" {
		written.Content = written.Updates[0].Replacement
	}
	if written.Content == "" {
		return ""
	}
	return join(written.Name, written.Content)
}
