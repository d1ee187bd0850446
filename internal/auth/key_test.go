package auth

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/fault"
)

func TestParseScopes(t *testing.T) {
	for list, want := range map[string][]Scope{
		"read":                 {Read},
		"write":                {Write},
		"read,write":           {Read, Write},
		"write,read":           {Read, Write},
		" read ,\twrite\n":     {Read, Write},
		"read,read":            {Read},
		"write,read,read":      {Read, Write},
		"":                     nil,
		",":                    nil,
		"read,":                nil,
		"READ":                 nil,
		"read write":           nil,
		"admin":                {Admin},
		"admin,write,read":     {Read, Write, Admin},
		"read,write,owner":     nil,
		"read\x00":             nil,
		"read;write":           nil,
		strings.Repeat(",", 9): nil,
	} {
		t.Run(list, func(t *testing.T) {
			got, err := ParseScopes(list)
			require.Equal(t, want, got)
			if want == nil {
				require.True(t, fault.Is(err, fault.Invalid), "%v", err)
				require.Contains(t, fault.Message(err), "use read, write, admin, or several with commas")
				return
			}
			require.NoError(t, err)
			again, err := ParseScopes(JoinScopes(got))
			require.NoError(t, err)
			require.Equal(t, got, again)
		})
	}
	require.Empty(t, JoinScopes(nil))
}

func TestCan(t *testing.T) {
	for _, c := range []struct {
		has         []Scope
		read, write bool
	}{
		{nil, false, false}, {[]Scope{Read}, true, false}, {[]Scope{Write}, false, true}, {[]Scope{Read, Write}, true, true},
	} {
		p := NewPrincipal("k", 1, c.has...)
		require.Equal(t, c.read, p.Can(Read), c.has)
		require.Equal(t, c.write, p.Can(Write), c.has)
		require.False(t, p.Can(""))
	}
}

func TestMintedTokens(t *testing.T) {
	tokens, prefixes := make(map[string]bool), make(map[string]bool)
	for range 1000 {
		token, prefix := MintToken()
		require.Regexp(t, `^lethe_[a-z2-7]{8}_[a-z2-7]{32}$`, token)
		got, ok := TokenPrefix(token)
		require.True(t, ok)
		require.Equal(t, prefix, got)
		fromHeader, ok := BearerToken("Bearer " + token)
		require.True(t, ok)
		require.Equal(t, token, fromHeader)
		tokens[token], prefixes[prefix] = true, true
	}
	require.Len(t, tokens, 1000)
	require.Len(t, prefixes, 1000)
}

func TestTokenPrefix(t *testing.T) {
	const prefix, secret = "abcdefgh", "abcdefghijklmnopqrstuvwxyz234567"
	for name, c := range map[string]struct {
		token string
		ok    bool
	}{
		"right":                   {"lethe_" + prefix + "_" + secret, true},
		"empty":                   {"", false},
		"the label alone":         {"lethe_", false},
		"another label":           {"sk-" + prefix + "_" + secret, false},
		"a label in capitals":     {"LETHE_" + prefix + "_" + secret, false},
		"no secret":               {"lethe_" + prefix, false},
		"an empty secret":         {"lethe_" + prefix + "_", false},
		"a short prefix":          {"lethe_" + prefix[1:] + "_" + secret, false},
		"a long prefix":           {"lethe_a" + prefix + "_" + secret, false},
		"a short secret":          {"lethe_" + prefix + "_" + secret[1:], false},
		"a long secret":           {"lethe_" + prefix + "_a" + secret, false},
		"a third part":            {"lethe_" + prefix + "_" + secret + "_", false},
		"capitals":                {"lethe_" + strings.ToUpper(prefix) + "_" + secret, false},
		"a digit that is none":    {"lethe_" + prefix[:7] + "1_" + secret, false},
		"a space before":          {" lethe_" + prefix + "_" + secret, false},
		"a space after":           {"lethe_" + prefix + "_" + secret + " ", false},
		"a line break in prefix":  {"lethe_" + prefix[:7] + "\n_" + secret, false},
		"a line break in secret":  {"lethe_" + prefix + "_" + secret[:31] + "\r", false},
		"a secret of line breaks": {"lethe_" + prefix + "_" + strings.Repeat("\n", 32), false},
		"padding":                 {"lethe_" + prefix[:7] + "=_" + secret, false},
		"letters of two bytes":    {"lethe_" + "äöüß" + "_" + secret, false},
	} {
		t.Run(name, func(t *testing.T) {
			got, ok := TokenPrefix(c.token)
			require.Equal(t, c.ok, ok)
			if c.ok {
				require.Equal(t, prefix, got)
			} else {
				require.Empty(t, got)
			}
		})
	}
}

func TestBearerToken(t *testing.T) {
	for header, want := range map[string]string{
		"Bearer abc":           "abc",
		"bearer abc":           "abc",
		"BEARER abc":           "abc",
		"  Bearer   abc  ":     "abc",
		"Bearer a.b-c_d~e+f/=": "a.b-c_d~e+f/=",
		"":                     "",
		" ":                    "",
		"Bearer":               "",
		"Bearer ":              "",
		"abc":                  "",
		"Basic abc":            "",
		"Bearer abc def":       "",
		"Bearer abc\tdef":      "",
		"Bearer abc\ndef":      "",
		"Bearer abc\x00":       "",
		"Bearer ab\u00a0c":     "",
		"Bearer schlüssel":     "",
		"Bearer\tabc":          "",
		"Bearerabc":            "",
		"Bearer, abc":          "",
	} {
		t.Run(header, func(t *testing.T) {
			got, ok := BearerToken(header)
			require.Equal(t, want, got)
			require.Equal(t, want != "", ok)
		})
	}
}

func TestHash(t *testing.T) {
	a, b := HashToken("lethe_a"), HashToken("lethe_b")
	require.True(t, a.Equal(HashToken("lethe_a")))
	require.False(t, a.Equal(b))
	require.False(t, a.Equal(Hash{}))
	require.True(t, Hash{}.Equal(Hash{}))
	require.NotEqual(t, HashToken("lethe_a"), HashToken("lethe_a "), "the whole token counts")
}

func FuzzTokenPrefix(f *testing.F) {
	token, _ := MintToken()
	for _, seed := range []string{token, "", "lethe__", token[:14] + "\n" + token[15:], token + "\n", strings.ToUpper(token)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, token string) {
		prefix, ok := TokenPrefix(token)
		if !ok {
			require.Empty(t, prefix)
			return
		}
		require.Regexp(t, `^lethe_[a-z2-7]{8}_[a-z2-7]{32}$`, token)
		require.True(t, strings.HasPrefix(token, "lethe_"+prefix+"_"))
	})
}

func FuzzBearerToken(f *testing.F) {
	for _, seed := range []string{"Bearer x", "bearer  x ", "Basic eDp5", "Bearer", "Bearer a b", "\tBearer x\n"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, header string) {
		token, ok := BearerToken(header)
		require.Equal(t, ok, token != "")
		for _, b := range []byte(token) {
			require.True(t, b > ' ' && b <= '~', "%q", token)
		}
		if ok {
			again, ok := BearerToken("Bearer " + token)
			require.True(t, ok)
			require.Equal(t, token, again)
		}
	})
}

func FuzzParseScopes(f *testing.F) {
	for _, seed := range []string{"read", "write", "read,write", " write , read ", "", ",", "admin"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, list string) {
		scopes, err := ParseScopes(list)
		if err != nil {
			require.True(t, fault.Is(err, fault.Invalid))
			require.Nil(t, scopes)
			return
		}
		require.Contains(t, []string{"read", "write", "admin", "read,write", "read,admin", "write,admin", "read,write,admin"}, JoinScopes(scopes))
		for _, scope := range scopes {
			require.Contains(t, list, string(scope))
		}
	})
}
