package server

import "github.com/lethe-chat/lethe/internal/chat"

// conversationIDs converts the ids of a request. The result is nil for no list.
func conversationIDs(list []string) []chat.ConversationID {
	if list == nil {
		return nil
	}
	return each(list, func(id string) chat.ConversationID { return chat.ConversationID(id) })
}

// texts converts ids of one kind to the texts that the wire has. The result is never nil.
func texts[ID ~string](ids []ID) []string {
	return each(ids, func(id ID) string { return string(id) })
}
