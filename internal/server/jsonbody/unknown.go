package jsonbody

import (
	"reflect"
	"slices"
	"strings"

	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/spelling"
)

// maxShownName is how many characters of an unknown name an error quotes, and
// maxShownPath how many of the name with the fields around it.
const (
	maxShownName = 64
	maxShownPath = 160
)

// Unknown is a field of a body that the struct does not have.
type Unknown struct {
	Name string // without the path

	at       *path
	in, root reflect.Type
	fieldsOf func(reflect.Type) []field
}

// Path is the name with the fields around it, such as filter.dryRun, shortened
// when it is long.
func (u Unknown) Path() string {
	name := u.Name
	if runes := []rune(name); len(runes) > maxShownName {
		name = string(runes[:maxShownName]) + "..."
	}
	if name == "" { // the path of a field is never empty
		name = `""`
	}
	whole := []rune((&path{parent: u.at, name: name}).String())
	if len(whole) > maxShownPath {
		return "..." + string(whole[len(whole)-maxShownPath:])
	}
	return string(whole)
}

// Refuse returns the Invalid fault for the field. It suggests the known name that was
// probably meant, or lists the known names.
func (u Unknown) Refuse() error {
	if meant, ok := u.meant(); ok {
		return fault.Invalidf("%s is unknown; did you mean %s? Nothing was changed", u.Path(), meant)
	}
	return fault.Invalidf("%s is unknown; known here: %s. Nothing was changed", u.Path(), strings.Join(u.names(u.in), ", "))
}

// Has reports whether the struct has a field of this name at the place of the unknown one.
func (u Unknown) Has(name string) bool { return slices.Contains(u.names(u.in), name) }

// meant looks for the nearest known name, first beside the field and then in the whole body, because the caller may
// have written a field of the filter outside the filter.
func (u Unknown) meant() (string, bool) {
	if near, ok := spelling.Nearest(u.Name, u.names(u.in)); ok {
		return (&path{parent: u.at, name: near}).String(), true
	}
	elsewhere := u.places(nil, u.root)
	last := make([]string, len(elsewhere))
	for i, place := range elsewhere {
		last[i] = place[strings.LastIndexByte(place, '.')+1:]
	}
	near, ok := spelling.Nearest(u.Name, last)
	if !ok {
		return "", false
	}
	return elsewhere[slices.Index(last, near)], true
}

func (u Unknown) names(t reflect.Type) (names []string) {
	for _, f := range u.fieldsOf(t) {
		names = append(names, f.name)
	}
	return names
}

// places returns the paths of all fields of a struct and of its nested structs. No wire type
// contains itself.
func (u Unknown) places(at *path, t reflect.Type) (paths []string) {
	for _, f := range u.fieldsOf(t) {
		here := &path{parent: at, name: f.name}
		paths = append(paths, here.String())
		inner := t.Field(f.index).Type
		for inner.Kind() == reflect.Pointer {
			inner = inner.Elem()
		}
		if inner.Kind() == reflect.Struct {
			paths = append(paths, u.places(here, inner)...)
		}
	}
	return paths
}
