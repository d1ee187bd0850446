package fault

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/stretchr/testify/require"
)

const surprise = "internal error; the server's log has the details under this request id"

func TestKindsAndMessages(t *testing.T) {
	for name, c := range map[string]struct {
		err     error
		kind    Kind
		message string
	}{
		"new":                        {New(Conflict, "%d differ", 3), Conflict, "3 differ"},
		"invalid":                    {Invalidf("bad %q", "x"), Invalid, `bad "x"`},
		"not found":                  {NotFoundf("no chat"), NotFound, "no chat"},
		"wrapped by us":              {Wrap(Unavailable, io.EOF, "the server is away"), Unavailable, "the server is away"},
		"wrapped by fmt":             {fmt.Errorf("while listing: %w", New(Forbidden, "read only")), Forbidden, "read only"},
		"the outermost counts":       {Wrap(Unavailable, New(Invalid, "inner"), "outer"), Unavailable, "outer"},
		"joined":                     {errors.Join(io.EOF, New(TooLarge, "10 MB at most")), TooLarge, "10 MB at most"},
		"a surprise":                 {errors.New("dial tcp 10.0.0.1: password wrong"), Internal, surprise},
		"internal shows nothing":     {New(Internal, "row 7 is broken"), Internal, surprise},
		"internal around the others": {Wrap(Internal, New(Invalid, "inner"), "outer"), Internal, surprise},
		"canceled":                   {context.Canceled, Canceled, "the request was canceled or took too long"},
		"deadline":                   {fmt.Errorf("query: %w", context.DeadlineExceeded), Canceled, "the request was canceled or took too long"},
		"a fault around a canceled":  {Wrap(Unavailable, context.Canceled, "no answer in time"), Unavailable, "no answer in time"},
		"our own canceled":           {Wrap(Canceled, context.Canceled, "stopped"), Canceled, "stopped"},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, c.kind, KindOf(c.err))
			require.True(t, Is(c.err, c.kind))
			require.False(t, Is(c.err, c.kind+1))
			require.Equal(t, c.message, Message(c.err))
		})
	}
}

func TestNilIsOfNoKind(t *testing.T) {
	for kind := Internal; kind <= Canceled; kind++ {
		require.False(t, Is(nil, kind))
	}
}

func TestErrorTellsTheCauseToUsOnly(t *testing.T) {
	err := Wrap(Unavailable, io.ErrUnexpectedEOF, "the server broke off")
	require.Equal(t, "the server broke off: unexpected EOF", err.Error())
	require.Equal(t, "the server broke off", Message(err))
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	require.Equal(t, "x", New(Invalid, "x").Error())
}

func TestKindNames(t *testing.T) {
	seen := make(map[string]bool)
	for kind := Internal; kind <= Canceled; kind++ {
		require.Regexp(t, `^[a-z_]+$`, kind.String())
		require.False(t, seen[kind.String()], kind)
		seen[kind.String()] = true
	}
	require.Len(t, kindNames, len(seen), "a name without a kind")
	require.Equal(t, Internal, *new(Kind), "an unclassified error must be internal")
}
