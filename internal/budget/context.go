package budget

import "context"

type shareKey struct{}

// With returns a context that carries a request's share.
func With(ctx context.Context, s *Share) context.Context {
	return context.WithValue(ctx, shareKey{}, s)
}

// Of returns the share that the context carries, or nil. All methods accept a nil share.
func Of(ctx context.Context) *Share {
	s, _ := ctx.Value(shareKey{}).(*Share)
	return s
}
