package config

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"runtime"
	"strings"
	"time"

	"github.com/caarlos0/env/v11"

	"github.com/lethe-chat/lethe/internal/fault"
)

const prefix = "LETHE_"

// machine describes the machine, on which some defaults depend.
type machine struct {
	os   string // as runtime.GOOS
	cpus int
}

// Load reads the environment, as os.Environ lists it. A variable that is empty
// counts as not set. Its error is an Invalid fault that lists every problem, one per
// line: the variable, what is wrong with it, and what is accepted. Secrets are not
// quoted.
func Load(environ []string) (Config, error) {
	return load(environ, machine{os: runtime.GOOS, cpus: runtime.NumCPU()})
}

func load(environ []string, on machine) (Config, error) {
	l := &loader{values: environment(environ), machine: on}
	l.parse()
	l.fillDefaults()
	l.check()
	l.checkNames()
	if len(l.problems) > 0 {
		return Config{}, fault.Invalidf("the configuration has %s:\n%s", plural(len(l.problems)), strings.Join(l.problems, "\n"))
	}
	return l.config, nil
}

func plural(n int) string {
	if n == 1 {
		return "a problem"
	}
	return fmt.Sprintf("%d problems", n)
}

// loader collects the problems of an environment.
type loader struct {
	values   map[string]string
	machine  machine
	config   Config
	problems []string
	bad      map[string]bool // variables with a problem: combinations do not report them again
}

// environment drops empty variables, as compose files pass unset ones on, and the spaces
// around values, which .env files often contain.
func environment(environ []string) map[string]string {
	values := make(map[string]string, len(environ))
	for name, value := range env.ToMap(environ) {
		if value = strings.TrimSpace(value); value != "" {
			values[name] = value
		}
	}
	return values
}

func (l *loader) isSet(name string) bool { return l.values[name] != "" }

// problem records that the value of a variable is wrong. The reason must not quote a
// secret.
func (l *loader) problem(name, format string, args ...any) {
	if l.bad == nil {
		l.bad = make(map[string]bool)
	}
	l.bad[name] = true
	l.problems = append(l.problems, "  "+name+": "+fmt.Sprintf(format, args...))
}

// refuse records a value of the wrong form. It quotes the value unless it is secret.
func (l *loader) refuse(name, reason string) {
	v, _ := variable(name)
	if v.Secret {
		l.problem(name, "%s; use %s", reason, v.Accepts())
		return
	}
	l.problem(name, "%q %s; use %s", l.values[name], reason, v.Accepts())
}

// parse fills the fields from their text. The library knows them by field name;
// people know them by variable.
func (l *loader) parse() {
	err := env.ParseWithOptions(&l.config, env.Options{Environment: l.withDefaults()})
	var all env.AggregateError
	if !errors.As(err, &all) {
		return
	}
	for _, one := range all.Errors {
		var parse env.ParseError
		if errors.As(one, &parse) {
			l.refuse(variableOf(parse.Name), "cannot be read")
			continue
		}
		l.problem(prefix+"*", "%v", one)
	}
}

// withDefaults returns the environment with the defaults of what is not set.
func (l *loader) withDefaults() map[string]string {
	values := maps.Clone(l.values)
	for _, v := range Variables() {
		if !l.isSet(v.Name) && v.Default != "" {
			values[v.Name] = v.Default
		}
	}
	return values
}

func variableOf(field string) string {
	f, ok := reflect.TypeFor[Config]().FieldByName(field)
	if !ok {
		return field
	}
	return f.Tag.Get("env")
}

const (
	publicRate     = 20 // requests per second, when others can reach us
	publicDelay    = 3 * time.Second
	burstOverRate  = 2
	fewestInABurst = 1
)

// fillDefaults fills in what depends on the machine or on other settings.
func (l *loader) fillDefaults() {
	c := &l.config
	if !l.isSet("LETHE_DATA_DIR") {
		c.DataDir = l.defaultDataDir()
	}
	if !l.isSet("LETHE_RUNTIME_DIR") {
		c.RuntimeDir = l.defaultRuntimeDir()
	}
	if !l.isSet("LETHE_SHUTDOWN_DELAY") && !c.Loopback() {
		c.ShutdownDelay = publicDelay
	}
	c.PublicURL = strings.TrimRight(c.PublicURL, "/")
	if !l.isSet("LETHE_INDEX_WORKERS") {
		c.Workers = min(max(l.machine.cpus, 1), maxWorkers)
	}
	if !l.isSet("LETHE_RATE_LIMIT") && !c.Loopback() {
		c.RatePerSecond = publicRate
	}
	if !l.isSet("LETHE_RATE_BURST") && c.RatePerSecond > 0 {
		c.RateBurst = max(int(c.RatePerSecond*burstOverRate), fewestInABurst)
	}
}
