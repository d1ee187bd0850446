package chat_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/chat"
)

// Whatever field of an upload changes, a later field that somebody adds included, the
// checksum changes: it decides whether an imported file is looked at more closely.
func TestEveryFieldOfAnUploadIsInItsSum(t *testing.T) {
	fresh := func() *chat.Upload {
		return &chat.Upload{Messages: []chat.UploadMessage{{Role: "human", Text: "hello"}}}
	}
	seen := map[chat.UploadSum]string{fresh().Sum(): "nothing"}
	var fields int
	var walk func(name string, of func(*chat.Upload) reflect.Value)
	walk = func(name string, of func(*chat.Upload) reflect.Value) {
		sample := of(fresh())
		if sample.Kind() == reflect.Struct && sample.Type() != reflect.TypeFor[time.Time]() {
			for i := range sample.NumField() {
				walk(name+"."+sample.Type().Field(i).Name, func(u *chat.Upload) reflect.Value { return of(u).Field(i) })
			}
			return
		}
		for _, value := range valuesOf(t, sample.Type()) {
			u := fresh()
			of(u).Set(value)
			what := fmt.Sprintf("%s = %v", name, value)
			require.Empty(t, seen[u.Sum()], "%s has the checksum of another", what)
			seen[u.Sum()] = what
			fields++
		}
	}
	walk("upload", func(u *chat.Upload) reflect.Value { return reflect.ValueOf(u).Elem() })
	walk("message", func(u *chat.Upload) reflect.Value { return reflect.ValueOf(&u.Messages[0]).Elem() })
	require.Greater(t, fields, 30)
}

// valuesOf returns values of a type that differ from its zero value and from each other.
func valuesOf(t *testing.T, of reflect.Type) (values []reflect.Value) {
	t.Helper()
	var all []any
	switch of {
	case reflect.TypeFor[string]():
		all = []any{"other", "othe", strings.Repeat("x", 5000), strings.Repeat("x", 5001)}
	case reflect.TypeFor[time.Time]():
		all = []any{time.Unix(0, 0).UTC(), time.Unix(5, 0).UTC(), time.Unix(5, 1000).UTC()}
	case reflect.TypeFor[bool]():
		all = []any{true}
	case reflect.TypeFor[*bool]():
		all = []any{new(true), new(false)}
	case reflect.TypeFor[*int]():
		all = []any{new(0), new(7)}
	case reflect.TypeFor[[]string]():
		all = []any{[]string{"a"}, []string{"ab"}, []string{"a", "b"}, []string{"", "ab"}}
	case reflect.TypeFor[[]chat.UploadMessage]():
		all = []any{[]chat.UploadMessage{}, []chat.UploadMessage{{Role: "human", Text: "hello"}, {}}}
	default:
		t.Fatalf("a field of the type %s needs values here, and a place in Upload.Sum", of)
	}
	for _, v := range all {
		values = append(values, reflect.ValueOf(v))
	}
	return values
}

func TestSumsDoNotDependOnTheZoneOfTimes(t *testing.T) {
	at := time.Date(2026, 3, 1, 9, 30, 0, 123456789, time.UTC)
	one := chat.Upload{CreatedAt: at}
	other := chat.Upload{CreatedAt: at.In(time.FixedZone("", 3600))}
	require.Equal(t, one.Sum(), other.Sum())
}
