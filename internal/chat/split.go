package chat

// Limits of a part of a long conversation. A part is stored with the messages that follow
// its position in memory, so smaller parts cost little.
const (
	MaxPartMessages = 10_000
	MaxPartBytes    = 8_000_000 // of texts, unless one message is longer
	MaxTextBytes    = 50_000_000
)

// PartLimits bound the parts into which Split divides a conversation.
type PartLimits struct {
	Messages int
	Bytes    int // of texts; a longer message is a part of its own
}

// DefaultPartLimits are the limits for uploads and for lines of a file.
func DefaultPartLimits() PartLimits { return PartLimits{MaxPartMessages, MaxPartBytes} }

// Fits reports whether a message with n bytes of text fits into a part that has some
// messages and bytes. The first message always fits.
func (l PartLimits) Fits(messages, bytes, n int) bool {
	return messages == 0 || (messages < l.Messages && bytes+n <= l.Bytes)
}

// Split divides an upload with many messages or long texts into uploads that each begin at
// a position (Upload.From). They must be stored in order. An upload that is within the
// limits is returned as it is. A part of a conversation is divided, too.
//
// Messages without a time at the beginning of a part get that of the message before it, as
// in a whole conversation. An external id that occurs in an earlier part is left out.
func (u Upload) Split(l PartLimits) []Upload {
	ends := u.ends(l)
	if len(ends) < 2 {
		return []Upload{u}
	}
	first := 0
	if u.From != nil {
		first = *u.From
	}
	u.dateParts(ends)
	parts, begin, seen := make([]Upload, len(ends)), 0, map[string]bool{}
	for i, end := range ends {
		parts[i] = u
		parts[i].From = new(first + begin)
		parts[i].Messages = append([]UploadMessage(nil), u.Messages[begin:end]...)
		for j := range parts[i].Messages {
			if m := &parts[i].Messages[j]; seen[m.ExternalID] {
				m.ExternalID = ""
			}
		}
		for _, m := range parts[i].Messages {
			seen[m.ExternalID] = m.ExternalID != ""
		}
		begin = end
	}
	return parts
}

// ends returns after which messages the parts end.
func (u Upload) ends(l PartLimits) (ends []int) {
	messages, bytes := 0, 0
	for i, m := range u.Messages {
		if !l.Fits(messages, bytes, len(m.Text)) {
			ends, messages, bytes = append(ends, i), 0, 0
		}
		messages, bytes = messages+1, bytes+len(m.Text)
	}
	return append(ends, len(u.Messages))
}

// dateParts dates the first message of each part, from which the others follow.
func (u *Upload) dateParts(ends []int) {
	known := u.CreatedAt
	for _, m := range u.Messages {
		if !m.CreatedAt.IsZero() {
			known = m.CreatedAt
			break
		}
	}
	if known.IsZero() {
		known = u.UpdatedAt
	}
	if known.IsZero() { // nothing is dated, and Validate dates all parts alike
		return
	}
	u.Messages = append([]UploadMessage(nil), u.Messages...)
	part := 0
	for i := range u.Messages {
		m := &u.Messages[i]
		if begins := part > 0 && i == ends[part-1]; begins && m.CreatedAt.IsZero() {
			m.CreatedAt, m.Inferred = known, true
		}
		if !m.CreatedAt.IsZero() {
			known = m.CreatedAt
		}
		if i+1 == ends[part] {
			part++
		}
	}
}

// tooLong reports whether a text needs more than MaxTextBytes in JSON without its
// quotation marks. Every stored message then fits into one line of a file.
func tooLong(text string) bool {
	if len(text) <= MaxTextBytes/6 { // no character needs more than six times its bytes
		return false
	}
	n := 0
	for i := range len(text) {
		switch c := text[i]; {
		case c == '"' || c == '\\' || c == '\n' || c == '\r' || c == '\t' || c == '\b' || c == '\f':
			n += 2
		case c < ' ':
			n += 6
		default:
			n++
		}
	}
	return n > MaxTextBytes
}
