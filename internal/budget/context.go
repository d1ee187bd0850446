package budget

import "context"

type shareKey struct{}

// With returns a context that carries the share of a request.
func With(ctx context.Context, s *Share) context.Context {
	return context.WithValue(ctx, shareKey{}, s)
}

// Of returns the share of the request whose context it is, or nil, of which every
// method may be called.
func Of(ctx context.Context) *Share {
	s, _ := ctx.Value(shareKey{}).(*Share)
	return s
}
