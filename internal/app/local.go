package app

import (
	"context"
	"net"
	"net/netip"

	"github.com/lethe-chat/lethe/internal/localservice"
)

// localToken returns a new token for this user's command line; empty without a folder
// to write it to.
func localToken(folder string) string {
	if folder == "" {
		return ""
	}
	return localservice.NewToken()
}

// prover returns the function that answers challenges with the token; nil without a token.
func prover(token string) func(string) string {
	if token == "" {
		return nil
	}
	return func(challenge string) string { return localservice.Prove(token, challenge) }
}

// announce writes the file by which this user's command line finds the service. If it
// fails, the service runs without the file.
func (a *App) announce(ctx context.Context, listening net.Addr) localservice.Service {
	url, ok := loopbackURL(listening)
	if a.localToken == "" || !ok {
		return localservice.Service{}
	}
	announced, err := localservice.Announce(a.o.Config.RuntimeDir, url, a.localToken)
	if err != nil {
		a.o.Logger.WarnContext(ctx, "the command line cannot find this service automatically, and needs its address and a key", "error", err)
	}
	return announced
}

// pageURL is Started.PageURL.
func (a *App) pageURL(ctx context.Context, announced localservice.Service) string {
	if announced.File == "" {
		return ""
	}
	code, err := a.history.AsOperator(0).PageCode(ctx)
	if err != nil {
		a.o.Logger.WarnContext(ctx, "no one-time code for the page could be made; `lethe open` makes one", "error", err)
		return ""
	}
	return announced.URL + "/#code=" + code
}

// withdraw deletes the file.
func (a *App) withdraw(ctx context.Context, announced localservice.Service) {
	if err := announced.Remove(); err != nil {
		a.o.Logger.WarnContext(ctx, "the file for the command line could not be deleted; its token is no longer valid", "error", err)
	}
}

// loopbackURL returns the URL of the listener on loopback; false if it listens only on
// other interfaces.
func loopbackURL(listening net.Addr) (string, bool) {
	address, err := netip.ParseAddrPort(listening.String())
	if err != nil {
		return "", false
	}
	ip := address.Addr().Unmap()
	switch {
	case ip.IsUnspecified():
		ip = netip.AddrFrom4([4]byte{127, 0, 0, 1})
	case !ip.IsLoopback():
		return "", false
	}
	return "http://" + netip.AddrPortFrom(ip, address.Port()).String(), true
}
