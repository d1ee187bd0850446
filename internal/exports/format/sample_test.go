package format

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestASampleKnowsItsStructure(t *testing.T) {
	array := NewSample("c.json", []byte(`[{"title":null,"mapping":{"1":{"message":{"fragments":[{"type":"REQUEST"}]}}}},{"uuid":"u","cut": "he`))
	require.Equal(t, JSON, array.Kind)
	require.True(t, array.Has("[].mapping"))
	require.True(t, array.Has("[].mapping.*.message.fragments"))
	require.True(t, array.Is("[].mapping.*.message.fragments.[].type", "REQUEST"))
	require.True(t, array.Has("[].uuid"))
	require.False(t, array.Has("mapping"))

	lines := NewSample("s.jsonl", []byte("{\"type\":\"session_meta\",\"payload\":{\"id\":\"1\"}}\n{\"type\":\"event_msg\"}\n"))
	require.Equal(t, Lines, lines.Kind)
	require.True(t, lines.Is("[].type", "session_meta"))
	require.True(t, lines.Is("[].type", "event_msg"))
	require.True(t, lines.Has("[].payload.id"))
}

func TestOneBadLineDoesNotHideTheOthers(t *testing.T) {
	good := "{\"type\":\"user\",\"uuid\":\"1\",\"a\":{\"b\":1},\"c\":2,\"d\":3}\n"
	for name, text := range map[string]string{
		"second": good + "this is no JSON\n", "first": "{\"type\": oh\n" + good, "third": good + good + "{\n" + good, "last": good + "{\"type\":\"us",
	} {
		for range 50 { // paths must not depend on the order of a map
			s := NewSample("s.jsonl", []byte(text))
			require.Equal(t, Lines, s.Kind, name)
			require.True(t, s.Is("[].type", "user") && s.Has("[].uuid") && s.Has("[].a.b") && s.Has("[].c") && s.Has("[].d"), name)
		}
	}
	document := NewSample("d.json", []byte("{\n \"a\": 1,\n \"b\": {}\n}\n"))
	require.Equal(t, JSON, document.Kind)
	require.True(t, document.Has("b"))
}

func TestKindsOfFiles(t *testing.T) {
	for head, want := range map[string]Kind{
		"":                       Text,
		"\n  {\"a\":1}":          JSON,
		"[]":                     JSON,
		"<!DOCTYPE html><p>":     HTML,
		"Conversation,Time\na,b": CSV,
		"# aider chat":           Text,
		"SQLite format 3\x00...": SQLite,
		"PK\x03\x04\x00":         Binary,
	} {
		require.Equal(t, want, NewSample("f", []byte(head)).Kind, "%q", head)
	}
}
