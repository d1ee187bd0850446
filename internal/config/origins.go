package config

import (
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// usualPorts are the ports that browsers leave out of an origin, by scheme.
var usualPorts = map[string]string{"http": "80", "https": "443"}

// checkOrigins replaces the origins by the form in which browsers send them, so
// that they can be compared as they are.
func (l *loader) checkOrigins() {
	var origins []string
	for _, entry := range l.config.CORSOrigins {
		entry = strings.TrimSpace(entry)
		if entry == "" { // a comma at the end
			continue
		}
		origin, reason := readOrigin(entry)
		if reason != "" {
			l.problem("LETHE_CORS_ORIGINS", "%q %s; use scheme://host or scheme://host:port", entry, reason)
			continue
		}
		if !slices.Contains(origins, origin) {
			origins = append(origins, origin)
		}
	}
	l.config.CORSOrigins = origins
}

// readOrigin returns the origin, or what is wrong with it.
func readOrigin(entry string) (origin, reason string) {
	if strings.Contains(entry, "*") {
		return "", "contains *, and origins have to be named one by one"
	}
	u, err := url.Parse(entry)
	if err != nil || u.Scheme == "" || u.Opaque != "" || u.Host == "" {
		return "", "is not an origin"
	}
	if u.User != nil || u.Path != "" || u.RawQuery != "" || u.ForceQuery || strings.Contains(entry, "#") {
		return "", "has something after the host, or a user before it"
	}
	usual, web := usualPorts[u.Scheme]
	if web && !isHost(u.Hostname()) { // apps may use any host name
		return "", "has a host that is neither a name nor an IP address"
	}
	host := u.Host
	if web {
		host = strings.ToLower(host)
	}
	if port := u.Port(); port != "" || strings.HasSuffix(u.Host, ":") {
		if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
			return "", "has a port that is not a number from 1 to 65535"
		}
		if port == usual {
			host = strings.TrimSuffix(host, ":"+port)
		}
	}
	return u.Scheme + "://" + host, ""
}

// checkHosts replaces the hosts by lower-case names and plain addresses.
func (l *loader) checkHosts() {
	var hosts []string
	for _, entry := range l.config.Hosts {
		entry = strings.TrimSpace(entry)
		if entry == "" {
			continue
		}
		host := strings.ToLower(strings.TrimSuffix(strings.TrimPrefix(entry, "["), "]"))
		if !isHost(host) {
			l.problem("LETHE_ALLOWED_HOSTS", "%q is neither a host name nor an IP address; use it without scheme, port and path", entry)
			continue
		}
		if ip, err := netip.ParseAddr(host); err == nil {
			host = ip.String()
		}
		if !slices.Contains(hosts, host) {
			hosts = append(hosts, host)
		}
	}
	l.config.Hosts = hosts
}
