// Package auth defines API keys: the form of a token, how it is hashed and checked, and
// its scopes. It stores nothing and does not know HTTP.
package auth

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base32"
	"slices"
	"strings"
	"time"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/fault"
)

// Scope is something that a key may do.
type Scope string

// The scopes. Search and recall need read, although they use POST. Admin makes and revokes
// keys and makes workspaces, of all workspaces; it gives no access to chats by itself.
const (
	Read  Scope = "read"
	Write Scope = "write"
	Admin Scope = "admin"
)

// allScopes lists the scopes in the order in which they are written.
var allScopes = []Scope{Read, Write, Admin}

// ParseScopes reads a comma-separated list of scopes. It returns an Invalid
// fault when the list is empty or names something else.
func ParseScopes(list string) ([]Scope, error) {
	named := map[Scope]bool{}
	for _, part := range strings.Split(list, ",") {
		scope := Scope(strings.TrimSpace(part))
		if !slices.Contains(allScopes, scope) {
			return nil, fault.Invalidf("unknown scope %q: use read, write, admin, or several with commas", scope)
		}
		named[scope] = true
	}
	var scopes []Scope
	for _, scope := range allScopes {
		if named[scope] {
			scopes = append(scopes, scope)
		}
	}
	return scopes, nil
}

// JoinScopes is the inverse of ParseScopes.
func JoinScopes(scopes []Scope) string {
	names := make([]string, len(scopes))
	for i, s := range scopes {
		names[i] = string(s)
	}
	return strings.Join(names, ",")
}

// Hash is the SHA-256 of a token. A token has 160 random bits and cannot be guessed, so
// a fast hash is enough.
type Hash [sha256.Size]byte

// HashToken returns the hash that is stored instead of the token.
func HashToken(token string) Hash { return sha256.Sum256([]byte(token)) }

// Equal compares two hashes in constant time.
func (h Hash) Equal(other Hash) bool { return subtle.ConstantTimeCompare(h[:], other[:]) == 1 }

// Key is an API key as it is stored, without its secret.
type Key struct {
	ID            string // UUIDv7
	Workspace     chat.WorkspaceID
	WorkspaceName string
	Name          string
	Prefix        string // the public part of the token, unique
	Hash          Hash
	Scopes        []Scope
	SenderStyle   SenderStyle
	CreatedAt     time.Time
	LastUsedAt    *time.Time // to the minute; nil when never used
	RevokedAt     *time.Time // nil while it works
}

const (
	tokenLabel  = "lethe_"
	prefixBytes = 5  // 8 characters, which identify a key in lists and look-ups
	secretBytes = 20 // 32 characters, 160 bits
)

const alphabet = "abcdefghijklmnopqrstuvwxyz234567"

var encoding = base32.NewEncoding(alphabet).WithPadding(base32.NoPadding)

// MintToken returns a new random token, "lethe_<prefix>_<secret>", and its prefix.
func MintToken() (token, prefix string) {
	random := make([]byte, prefixBytes+secretBytes)
	rand.Read(random) // never returns an error
	prefix = encoding.EncodeToString(random[:prefixBytes])
	return tokenLabel + prefix + "_" + encoding.EncodeToString(random[prefixBytes:]), prefix
}

// TokenPrefix returns the prefix of a token, and false for a string that cannot be a
// token of Lethe.
func TokenPrefix(token string) (string, bool) {
	rest, ok := strings.CutPrefix(token, tokenLabel)
	if !ok {
		return "", false
	}
	prefix, secret, ok := strings.Cut(rest, "_")
	if !ok || len(prefix) != encoding.EncodedLen(prefixBytes) || len(secret) != encoding.EncodedLen(secretBytes) {
		return "", false
	}
	for _, r := range prefix + secret {
		if !strings.ContainsRune(alphabet, r) {
			return "", false
		}
	}
	return prefix, true
}

// BearerToken returns the token of an Authorization header ("Bearer <token>",
// RFC 6750; the scheme in any case), and false when there is none. A token is
// visible ASCII without spaces.
func BearerToken(header string) (string, bool) {
	scheme, token, ok := strings.Cut(strings.TrimSpace(header), " ")
	token = strings.TrimSpace(token)
	if !ok || !strings.EqualFold(scheme, "Bearer") || token == "" || strings.ContainsFunc(token, notInToken) {
		return "", false
	}
	return token, true
}

func notInToken(r rune) bool { return r <= ' ' || r > '~' }

// KeyRef names a stored key.
type KeyRef struct {
	Workspace chat.WorkspaceID
	ID        string
}
