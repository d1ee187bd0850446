package server

import (
	"net"
	"net/http"
	"net/netip"
)

// Headers with which the command line checks that it talks to the intended service before it
// sends a secret (openapi.yaml, /healthz).
const (
	challengeHeader = "Lethe-Challenge"
	proofHeader     = "Lethe-Proof"

	maxChallenge = 128 // bytes
)

// forwarded are headers that a proxy adds. A request with one of them did not come from the
// other end of its connection.
var forwarded = []string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-Ip", "Via"}

// fromThisMachine reports whether a program on this machine sent the request: over loopback,
// and without the headers of a proxy.
func fromThisMachine(r *http.Request) bool {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return false
	}
	ip, err := netip.ParseAddr(host)
	if err != nil || !ip.Unmap().IsLoopback() {
		return false
	}
	for _, name := range forwarded {
		if _, there := r.Header[name]; there {
			return false
		}
	}
	return true
}

// prove answers the challenge of a program on this machine.
func (s *Server) prove(w http.Header, r *http.Request) {
	challenge := r.Header.Get(challengeHeader)
	if challenge == "" || len(challenge) > maxChallenge || s.options.Prove == nil || !fromThisMachine(r) {
		return
	}
	w.Set(proofHeader, s.options.Prove(challenge))
}
