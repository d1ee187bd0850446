package app

import (
	"context"
	"net"
	"net/netip"

	"github.com/lethe-chat/lethe/internal/localservice"
)

// localToken is the token for the command line of this user; empty where none is
// to be given out.
func localToken(folder string) string {
	if folder == "" {
		return ""
	}
	return localservice.NewToken()
}

// prover answers challenges with the token; nil without one.
func prover(token string) func(string) string {
	if token == "" {
		return nil
	}
	return func(challenge string) string { return localservice.Prove(token, challenge) }
}

// announce writes the file by which this user's command line finds the service. The
// service runs without one, too.
func (a *App) announce(ctx context.Context, listening net.Addr) localservice.Service {
	url, ok := loopbackURL(listening)
	if a.localToken == "" || !ok {
		return localservice.Service{}
	}
	announced, err := localservice.Announce(a.o.Config.RuntimeDir, url, a.localToken)
	if err != nil {
		a.o.Logger.WarnContext(ctx, "the command line does not find this service by itself, and needs a key", "error", err)
	}
	return announced
}

// withdraw deletes the file again.
func (a *App) withdraw(ctx context.Context, announced localservice.Service) {
	if err := announced.Remove(); err != nil {
		a.o.Logger.WarnContext(ctx, "the file that tells the command line of this service stays; it is of no use to anybody", "error", err)
	}
}

// loopbackURL is the address under which this machine reaches the listener; false
// when it listens on another interface alone.
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
