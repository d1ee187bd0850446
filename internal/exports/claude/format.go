// Package claude reads the export of Claude: conversations.json, the chats of Claude Design,
// single conversations, and the index that lists the archives of an export.
package claude

import (
	"context"

	"github.com/lethe-chat/lethe/internal/exports/elements"
	"github.com/lethe-chat/lethe/internal/exports/format"
)

// Platform is the platform of the conversations.
const Platform = "claude"

// Warnings of this format.
const (
	Injected format.Warning = "blocks that Claude had put into messages of the person were left out"
	Artifact format.Warning = "artifacts became messages"
)

// Format returns the format of conversations.
func Format() format.Format {
	return format.Format{
		Name: "claude", Title: "Claude export", Platform: Platform,
		LookFor: "conversations with `chat_messages`, alone, in an array or under `conversations`, or a design chat with `project` and `messages`",
		Matches: matches, Read: read,
	}
}

// Index returns the format of the index of an export.
func Index() format.Format {
	return format.Format{
		Name: "claude-index", Title: "index of a Claude export", Platform: Platform, Index: true,
		LookFor: "an object whose `data_files` have an `export_url`",
		Matches: func(s *format.Sample) bool { return s.Has("data_files.[].export_url") },
		Read:    readIndex,
	}
}

// matches asks for nothing but what the conversations themselves have, because some
// archives have no other file.
func matches(s *format.Sample) bool {
	for _, prefix := range []string{"", "[].", "conversations.[]."} {
		if s.Has(prefix+"chat_messages") || s.Has(prefix+"project.uuid") && designed(s, prefix+"messages.[].content.") {
			return true
		}
	}
	return false
}

// designed reports whether messages are those of Claude Design, whose content is an object.
func designed(s *format.Sample, content string) bool {
	return s.Has(content+"contentBlocks") || s.Has(content+"authorAccountUuid") || s.Has(content+"role")
}

func read(ctx context.Context, m format.Member, out *format.Out) error {
	r := reader{out: out}
	return elements.Each(ctx, m, out, []string{"conversations"}, r.conversation)
}
