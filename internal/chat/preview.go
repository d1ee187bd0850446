package chat

import "time"

// Preview says what a delete would delete.
type Preview struct {
	Conversations int
	Messages      int
	Passages      int
	Pinned        int       // conversations that match and are pinned
	Oldest        time.Time // creation of the oldest; zero when there is none
	Newest        time.Time // creation of the newest; zero when there is none
	Titles        []string  // of the conversations that changed last, at most some twenty
}

// Add adds the sums of other conversations.
func (p *Preview) Add(other Preview) {
	if p.Conversations == 0 || (other.Conversations > 0 && other.Oldest.Before(p.Oldest)) {
		p.Oldest = other.Oldest
	}
	if other.Newest.After(p.Newest) {
		p.Newest = other.Newest
	}
	p.Conversations += other.Conversations
	p.Messages += other.Messages
	p.Passages += other.Passages
	p.Pinned += other.Pinned
	p.Titles = append(p.Titles, other.Titles...)
}

// MessagesPreview says what a delete of single messages would delete.
type MessagesPreview struct {
	Messages     int
	Passages     int
	Conversation bool // no message would be left, so the conversation would be deleted too
	Title        bool // the title quotes one of the messages and would change
}
