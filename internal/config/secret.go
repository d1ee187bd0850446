package config

import (
	"log/slog"
	"net/url"
	"strings"
)

const masked = "[set]"

// Secret is a value that is always printed as "[set]", or as nothing when it is empty.
// Only Reveal returns its text.
type Secret string

// Reveal returns the text, for the place that needs it.
func (s Secret) Reveal() string { return string(s) }

// String returns "[set]", or "" for an empty secret.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return masked
}

// GoString is String.
func (s Secret) GoString() string { return s.String() }

// LogValue is String for log/slog.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText is String for encoders.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText takes the text as it is.
func (s *Secret) UnmarshalText(text []byte) error {
	*s = Secret(text)
	return nil
}

// maskURL hides the secrets of a URL: the password, and every parameter whose name says
// that it is one.
func maskURL(s Secret) string {
	if s == "" {
		return ""
	}
	u, err := url.Parse(s.Reveal())
	if err != nil || u.Host == "" && u.Path == "" {
		return masked
	}
	if _, has := u.User.Password(); has {
		u.User = url.UserPassword(u.User.Username(), "***")
	}
	query := u.Query()
	for name := range query {
		for _, sign := range []string{"pass", "key", "token", "secret"} {
			if strings.Contains(strings.ToLower(name), sign) {
				query.Set(name, "***")
			}
		}
	}
	u.RawQuery = query.Encode()
	return strings.ReplaceAll(u.String(), "%2A%2A%2A", "***")
}
