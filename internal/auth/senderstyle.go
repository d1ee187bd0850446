package auth

import "github.com/lethe-chat/lethe/internal/fault"

// SenderStyle is the word by which a caller wants a person to be named as a sender. Clients of
// other services test for one of them.
type SenderStyle string

// The sender styles.
const (
	AnySender   SenderStyle = ""      // what the service does by default
	HumanSender SenderStyle = "human" // as MemoryPlugin documents it
	UserSender  SenderStyle = "user"  // as chat APIs name it
)

// ParseSenderStyle reads a style; empty is AnySender. It returns an Invalid fault for another
// word.
func ParseSenderStyle(word string) (SenderStyle, error) {
	switch s := SenderStyle(word); s {
	case AnySender, HumanSender, UserSender:
		return s, nil
	}
	return AnySender, fault.Invalidf("unknown sender style %q: use human or user", word)
}
