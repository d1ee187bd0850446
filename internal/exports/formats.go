// Package exports reads the export files of other services and programs: it knows all
// formats, finds out which one a file has, and hands over the conversations of a source with
// a report of what was found. It does not know what happens to the conversations.
package exports

import (
	"strings"

	"github.com/lethe-chat/lethe/internal/exports/aider"
	"github.com/lethe-chat/lethe/internal/exports/aistudio"
	"github.com/lethe-chat/lethe/internal/exports/chatgpt"
	"github.com/lethe-chat/lethe/internal/exports/chatwise"
	"github.com/lethe-chat/lethe/internal/exports/claude"
	"github.com/lethe-chat/lethe/internal/exports/claudecode"
	"github.com/lethe-chat/lethe/internal/exports/codex"
	"github.com/lethe-chat/lethe/internal/exports/copilot"
	"github.com/lethe-chat/lethe/internal/exports/cursor"
	"github.com/lethe-chat/lethe/internal/exports/deepseek"
	"github.com/lethe-chat/lethe/internal/exports/format"
	"github.com/lethe-chat/lethe/internal/exports/gemini"
	"github.com/lethe-chat/lethe/internal/exports/geminicli"
	"github.com/lethe-chat/lethe/internal/exports/grok"
	"github.com/lethe-chat/lethe/internal/exports/grokbuild"
	"github.com/lethe-chat/lethe/internal/exports/kimi"
	"github.com/lethe-chat/lethe/internal/exports/lechat"
	"github.com/lethe-chat/lethe/internal/exports/lethe"
	"github.com/lethe-chat/lethe/internal/exports/librechat"
	"github.com/lethe-chat/lethe/internal/exports/opencode"
	"github.com/lethe-chat/lethe/internal/exports/openwebui"
	"github.com/lethe-chat/lethe/internal/exports/perplexity"
	"github.com/lethe-chat/lethe/internal/exports/qwencode"
	"github.com/lethe-chat/lethe/internal/exports/typingmind"
	"github.com/lethe-chat/lethe/internal/exports/vscode"
	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/spelling"
)

// Formats returns every format. A file has the first format that matches it.
func Formats() []format.Format {
	return []format.Format{
		lethe.Format(),
		chatgpt.Format(),
		claude.Format(),
		claude.Index(),
		deepseek.Format(),
		grok.Format(),
		perplexity.Format(),
		openwebui.Format(),
		typingmind.Format(),
		librechat.Format(),
		lechat.Format(),
		vscode.Format(),
		aistudio.Format(),
		gemini.Format(),
		copilot.Format(),
		chatwise.Format(),
		qwencode.Format(),
		claudecode.Format(),
		codex.Format(),
		geminicli.Format(),
		opencode.Format(),
		cursor.Format(),
		grokbuild.Format(),
		kimi.Format(),
		aider.Format(),
	}
}

// named returns the format with a name, or an Invalid fault that lists the names.
func named(name string, among []format.Format) (format.Format, error) {
	names := make([]string, 0, len(among))
	for _, f := range among {
		if f.Name == name {
			return f, nil
		}
		names = append(names, f.Name)
	}
	hint := ""
	if near, ok := spelling.Nearest(name, names); ok {
		hint = "; did you mean " + near + "?"
	}
	return format.Format{}, fault.Invalidf("unknown format %q%s (formats: %s)", name, hint, strings.Join(names, ", "))
}

// Detect returns the format of a file by its beginning. ok is false for a file of an
// unknown format.
func Detect(s *format.Sample, among []format.Format) (f format.Format, ok bool) {
	if s.Kind == format.Binary {
		return format.Format{}, false
	}
	for _, f := range among {
		if f.Matches(s) {
			return f, true
		}
	}
	return format.Format{}, false
}
