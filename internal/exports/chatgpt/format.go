// Package chatgpt reads the export of ChatGPT: conversations.json or its shards
// conversations-000.json, ..., and single conversations that browser extensions save.
package chatgpt

import (
	"context"

	"github.com/lethe-chat/lethe/internal/exports/elements"
	"github.com/lethe-chat/lethe/internal/exports/format"
)

// Platform is the platform of the conversations.
const Platform = "chatgpt"

// Warnings of this format.
const (
	Research      format.Warning = "deep research reports were taken out of hidden messages"
	Canvas        format.Warning = "canvas documents became messages"
	UnknownAuthor format.Warning = "messages of an unknown author were taken as hidden"
)

// Format returns the format.
func Format() format.Format {
	return format.Format{
		Name: "chatgpt", Title: "ChatGPT export", Platform: Platform,
		LookFor: "conversations with `mapping`, alone, in an array or under `conversations`",
		Matches: matches, Read: read,
	}
}

// matches distinguishes ChatGPT from DeepSeek, which has a mapping too.
func matches(s *format.Sample) bool {
	for _, prefix := range []string{"", "[].", "conversations.[]."} {
		if s.Has(prefix+"mapping") && !s.Has(prefix+"inserted_at") && !s.Has(prefix+"mapping.*.message.fragments") {
			return true
		}
	}
	return false
}

func read(ctx context.Context, m format.Member, out *format.Out) error {
	r := reader{out: out, names: assetNames(m)}
	return elements.Each(ctx, m, out, []string{"conversations"}, r.conversation)
}
