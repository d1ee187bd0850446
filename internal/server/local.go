package server

import (
	"net"
	"net/http"
	"net/netip"
)

// Headers with which the command line makes sure that it talks to the service that
// it means, before it sends anything secret (openapi.yaml, /healthz).
const (
	challengeHeader = "Lethe-Challenge"
	proofHeader     = "Lethe-Proof"

	maxChallenge = 128 // bytes
)

// forwarded are headers that a proxy adds. A request that has one comes from
// another place than its connection.
var forwarded = []string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-Ip", "Via"}

// fromThisMachine reports whether a program on this machine has sent the request
// itself: over loopback, and not through a proxy that says so.
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

// prove answers a challenge, where somebody on this machine asks for one.
func (s *Server) prove(w http.Header, r *http.Request) {
	challenge := r.Header.Get(challengeHeader)
	if challenge == "" || len(challenge) > maxChallenge || s.options.Prove == nil || !fromThisMachine(r) {
		return
	}
	w.Set(proofHeader, s.options.Prove(challenge))
}
