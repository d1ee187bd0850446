package chat

// Tombstone is the record that a conversation was deleted, as a database keeps it. It holds no
// id: who knows the key of the hashes can tell whether an id is meant.
type Tombstone struct {
	ExternalHash     []byte // of the platform and the external id
	ConversationHash []byte // of Lethe's own id
	DeletionID       DeletionID
	Excluded         bool   // uploads of the conversation are refused
	SealedPlace      *int64 // the encrypted time of the last change; nil in records of older versions
}

// TombstoneKeySize is the length of the key of the hashes of tombstones, in bytes.
const TombstoneKeySize = 32

// StoredPart is a stored conversation with its messages from the position From on: the whole of
// it, or a part of a long one.
type StoredPart struct {
	Transcript
	From int
}
