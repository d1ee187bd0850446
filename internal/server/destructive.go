package server

import (
	"errors"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/server/jsonbody"
	"github.com/lethe-chat/lethe/internal/spelling"
)

// A reading says how strictly a route reads a request. A request that deletes must not be
// read loosely, because an ignored parameter may be the one that was meant to limit the
// delete.
type reading struct {
	destroys bool
	query    []string        // the parameters of a route that destroys
	body     jsonbody.Policy // of the fields of its body
	unknown  func(name string) error
	noBody   string // what to say of a missing body; empty for the usual
	optional bool   // the handler knows what to do without a body
	bodiless bool   // the handler reads no body; a body is only checked
	lines    bool   // the body has one JSON object a line
}

// lenient is for routes that read or add: unknown parameters and fields are ignored, and
// null means absent.
var lenient = reading{body: jsonbody.Lenient}

// linewise is lenient for a body with one JSON object a line.
var linewise = reading{body: jsonbody.Lenient, lines: true}

// ours is for Lethe's own routes that delete or remove protection: every unknown name is
// refused.
var ours = reading{
	destroys: true, body: jsonbody.Exact,
	unknown: func(name string) error {
		return fault.Invalidf("%s is no parameter of this route: it has none, and everything it takes goes into the body; nothing was changed", shown(name))
	},
}

// vendors is for the delete routes of the two vendors' APIs. Their clients may send fields that Lethe does not know.
// These are ignored, unless the name looks like one of Lethe's switches, because a request with dryRun must not
// delete everything. The arguments are the parameters of the route.
func vendors(query ...string) reading {
	return reading{
		destroys: true, query: query,
		body: jsonbody.Policy{RefuseNull: true, Nested: true, Unknown: func(u jsonbody.Unknown) error {
			meant, looks := switchLike(u.Name)
			switch {
			case !looks:
				return nil
			case slices.Contains(query, meant) && !u.Has(meant):
				return fault.Invalidf("%s is no field of the body here; send it as the query parameter ?%s=; nothing was deleted", u.Path(), meant)
			case u.Has(meant):
				return u.Refuse()
			}
			return fault.Invalidf("%s; nothing was deleted", lacks(u.Path(), meant, ""))
		}},
		unknown: func(name string) error {
			if meant, looks := switchLike(name); looks {
				return fault.Invalidf("%s; nothing was deleted", lacks(shown(name), meant, " in its query"))
			}
			return nil
		},
	}
}

// lacks says that a route does not have the switch that a name means.
func lacks(name, meant, where string) string {
	if name == meant {
		return "this route does not have " + meant + where
	}
	return name + " looks like " + meant + ", which this route does not have" + where
}

// withoutBody sets the error text for a missing body.
func (r reading) withoutBody(say string) reading {
	r.noBody = say
	return r
}

// orQuery is for a delete that accepts its parameters in the query instead of a body.
func (r reading) orQuery() reading {
	r.optional = true
	return r
}

// byPath is for a delete whose path is enough.
func (r reading) byPath() reading {
	r.optional, r.bodiless = true, true
	return r
}

// switches are the names that change what a delete does, on this route or a similar one,
// and the beginnings and ends of names that mean one of them.
var switches = []struct {
	name             string
	prefix, contains string
}{
	{name: "dryRun", prefix: "dry", contains: "dryrun"},
	{name: "expectedCount", prefix: "expect", contains: "expectedcount"},
	{name: "exclude", prefix: "exclud", contains: "exclude"},
	{name: "wait", prefix: "wait", contains: "waitfor"},
	{name: "atomic", prefix: "atomic", contains: "atomic"},
}

// switchLike returns the switch that a name resembles, in any spelling.
func switchLike(name string) (meant string, looks bool) {
	folded := spelling.Fold(name)
	for _, s := range switches {
		typos := 1
		if len(s.name) > 8 {
			typos = 2
		}
		if strings.HasPrefix(folded, s.prefix) || strings.Contains(folded, s.contains) || spelling.Within(folded, strings.ToLower(s.name), typos) {
			return s.name, true
		}
	}
	return "", false
}

const readingKey = "lethe.reading"

// readingOf returns the reading of the request's route.
func readingOf(c echo.Context) reading {
	if r, ok := c.Get(readingKey).(reading); ok {
		return r
	}
	return lenient
}

// understand checks what a route that destroys does not know, before its handler
// runs, and leaves the reading for the body's reader. The other routes ignore what
// they do not know, once known names are read in every spelling.
func understand(r reading) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			c.Set(readingKey, r)
			if r.lines {
				if err := checkLines(c.Request().Header); err != nil {
					return err
				}
			}
			if !r.destroys {
				respell(c.QueryParams(), parameters)
				return next(c)
			}
			if err := r.checkQuery(c); err != nil {
				return err
			}
			if r.bodiless {
				if err := (binder{}).Bind(new(struct{}), c); err != nil && !errors.Is(err, io.EOF) {
					return err
				}
			}
			return next(c)
		}
	}
}

// checkQuery reads a known parameter in another spelling as that parameter, and lets the
// reading decide about unknown ones.
func (r reading) checkQuery(c echo.Context) error {
	params := c.QueryParams()
	respell(params, r.query)
	for _, name := range slices.Sorted(maps.Keys(params)) {
		if slices.Contains(r.query, name) {
			continue
		}
		if err := r.unknown(name); err != nil {
			return err
		}
	}
	return nil
}

// shown is a caller's name in the form in which an error may quote it.
func shown(name string) string {
	const most = 64
	if runes := []rune(name); len(runes) > most {
		return string(runes[:most]) + "..."
	}
	return name
}
