package server

import (
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/spelling"
)

// readQuery refuses a query string that cannot be decoded. Echo would silently drop the broken
// part, and a dropped filter selects more than the caller asked for. It reads name[] and
// name[0], which some clients use for lists, as name.
func readQuery(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		raw := c.Request().URL.RawQuery
		if _, err := url.ParseQuery(raw); err != nil {
			return fault.Wrap(fault.Invalid, err, "the query string is malformed; percent-encode the values")
		}
		if strings.ContainsAny(raw, "[") || strings.Contains(strings.ToLower(raw), "%5b") {
			unbracket(raw, c.QueryParams())
		}
		return next(c)
	}
}

// bracketed is a name with the mark of a list after it.
var bracketed = regexp.MustCompile(`^(.+)\[[0-9]*\]$`)

// unbracket adds the parameters of a valid query string to params, in order, without the marks
// of lists.
func unbracket(raw string, params url.Values) {
	clear(params)
	for pair := range strings.SplitSeq(raw, "&") {
		if pair == "" {
			continue
		}
		name, value, _ := strings.Cut(pair, "=")
		name, _ = url.QueryUnescape(name)
		value, _ = url.QueryUnescape(value)
		if list := bracketed.FindStringSubmatch(name); list != nil {
			name = list[1]
		}
		params.Add(name, value)
	}
}

// parameters are the names of all parameters in the query of a route that reads. TestParametersAreThoseOfTheSpec
// compares them with openapi.yaml.
var parameters = []string{
	"agentId", "archived", "channel", "conversationId", "cursor", "dateFrom", "dateTo", "direction", "everything", "excludePinned", "fileName", "format", "from", "html", "importId", "kind", "limit", "page", "pageSize", "part",
	"pinned", "pinnedOnly", "platform", "project", "provider", "query", "restoreDeleted", "revisions", "senderStyle", "since", "source", "starred", "title", "until",
}

// respell gives a parameter that is a known one in another spelling, such as
// date_from or Provider, the known name. A filter that is not read selects
// everything, and some clients delete what they listed.
func respell(params url.Values, known []string) {
	for name, values := range maps.Clone(params) {
		if slices.Contains(known, name) {
			continue
		}
		folded := spelling.Fold(name)
		i := slices.IndexFunc(known, func(k string) bool { return strings.EqualFold(k, folded) })
		if i < 0 {
			continue
		}
		delete(params, name)
		params[known[i]] = append(params[known[i]], values...)
	}
}

// listed reads a list from a query string: values with commas between them, the
// parameter repeated, or both. Empty values say nothing.
func listed(values []string) (list []string) {
	for _, v := range values {
		for part := range strings.SplitSeq(v, ",") {
			if part = strings.TrimSpace(part); part != "" {
				list = append(list, part)
			}
		}
	}
	return list
}
