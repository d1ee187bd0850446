package jsonbody

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/pkg/api"
)

const goodUpload = `{"conversation":{"id":"c","messages":[{"role":"human","content":""}]}}`

func TestDecodeSaysWhatIsWrong(t *testing.T) {
	tests := []struct {
		name string
		into any
		body string
		want string
	}{
		{"no body", new(api.DeleteRequest), "", "a JSON body is required, and this request has none"},
		{"white space", new(api.DeleteRequest), " \n\t", "a JSON body is required, and this request has none"},
		{"null", new(api.DeleteRequest), "null", "the body must be a JSON object"},
		{"an array", new(api.DeleteRequest), `["a"]`, "the body must be a JSON object"},
		{"a string", new(api.DeleteRequest), `"ids"`, "the body must be a JSON object"},
		{"an empty object", new(api.DeleteRequest), "{}", "ids is required"},
		{"another case", new(api.DeleteRequest), `{"IDS":["a"]}`, "IDS is unknown; did you mean ids? Nothing was changed; ids is required"},
		{"null for a list", new(api.DeleteRequest), `{"ids":null}`, "ids must be an array, not null"},
		{"text for a list", new(api.DeleteRequest), `{"ids":"a"}`, "ids must be an array"},
		{"an object for a list", new(api.DeleteRequest), `{"ids":{"0":"a"}}`, "ids must be an array"},
		{"a number in a list", new(api.DeleteRequest), `{"ids":["a",1]}`, "ids[1] must be a string"},
		{"null in a list", new(api.DeleteRequest), `{"ids":["a","b",null]}`, "ids[2] must be a string, not null"},
		{"a list in a list", new(api.DeleteRequest), `{"ids":[["a"]]}`, "ids[0] must be a string"},
		{"given twice", new(api.DeleteRequest), `{"ids":["a"],"ids":["b"]}`, "ids is given twice"},
		{"text for a truth", new(api.DeleteRequest), `{"ids":["a"],"wait":"yes"}`, "wait must be true or false"},
		{"null for an option", new(api.DeleteRequest), `{"ids":["a"],"wait":null}`, "wait must be true or false, not null"},
		{"cut off", new(api.DeleteRequest), `{"ids":["a"`, "the body is not valid JSON: unexpected end of JSON input at line 1, column 11 (byte 11)"},
		{"a comma too many", new(api.DeleteRequest), "{\n  \"ids\": [\"a\",]\n}", `the body is not valid JSON: invalid character ']' looking for beginning of value at line 2, column 15 (byte 17)`},
		{"more after it", new(api.DeleteRequest), `{"ids":["a"]} {}`, `the body is not valid JSON: invalid character '{' after top-level value at line 1, column 15 (byte 15)`},
		{"a text for a number", new(api.SearchRequest), `{"query":"q","limit":"20"}`, "limit must be a whole number"},
		{"a fraction", new(api.SearchRequest), `{"query":"q","limit":1.5}`, "limit must be a whole number"},
		{"a text for a fraction", new(api.SearchRequest), `{"query":"q","minScore":"0.5"}`, "minScore must be a number"},
		{"too large a fraction", new(api.SearchRequest), `{"query":"q","minScore":1e999}`, "minScore is too large a number"},
		{"no number at all", new(api.SearchRequest), `{"query":"q","limit":true}`, "limit must be a whole number"},
		{"deep, missing", new(api.UploadRequest), `{"conversation":{"id":"c","messages":[{"role":"human","content":"a"},{"role":"human"}]}}`, "conversation.messages[1].content is required"},
		{"deep, null", new(api.UploadRequest), `{"conversation":{"id":"c","messages":[{"role":"human","content":null}]}}`, "conversation.messages[0].content must be a string, not null"},
		{"deep, wrong", new(api.UploadRequest), `{"conversation":{"id":"c","messages":[{"role":"human","content":["a"]}]}}`, "conversation.messages[0].content must be a string"},
		{"no object", new(api.UploadRequest), `{"conversation":{"id":"c","messages":["a"]}}`, "conversation.messages[0] must be an object"},
		{"null for an object", new(api.UploadRequest), `{"conversation":null}`, "conversation must be an object, not null"},
		{"no time", new(api.UploadRequest), `{"conversation":{"id":"c","createdAt":"yesterday","messages":[]}}`, "conversation.createdAt must be an ISO 8601 date and time, such as 2026-03-01T09:30:00Z, or a date"},
		{"seconds for a time", new(api.UploadRequest), `{"conversation":{"id":"c","createdAt":1772357400,"messages":[]}}`, "conversation.createdAt must be a string"},
		{"too many items", new(api.DeleteRequest), `{"ids":[` + strings.Repeat(`"",`, maxItems) + `""]}`, "ids has more than 100000 items"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			err := Decode([]byte(test.body), test.into, Exact)
			require.Error(t, err)
			require.Equal(t, fault.Invalid, fault.KindOf(err))
			require.Equal(t, test.want, fault.Message(err))
		})
	}
}

// A request that deletes is refused when it has an unknown field anywhere in its body. The error names the field and
// the known one that was probably meant. All mistakes are reported at once.
func TestDecodeTellsEveryProblem(t *testing.T) {
	body := `{"platform":[{"a":[1,{}]},[]],"conversation":{"id":7,"id":"c","title":null,"createdAt":"soon","messages":[
		{"role":{"name":["human"]},"content":"a"},{"role":"human"},{"role":"human","content":"b","createdAt":3}]}}`
	var sent api.UploadRequest
	err := Decode([]byte(body), &sent, Policy{RefuseNull: true})
	require.True(t, fault.Is(err, fault.Invalid))
	problems := strings.Split(fault.Message(err), "; ")
	require.Len(t, problems, 8, "%q", problems)
	for i, want := range []string{
		"platform must be a string", "conversation.id must be a string", "conversation.id is given twice",
		"conversation.title must be a string, not null", "conversation.createdAt must be",
		"conversation.messages[0].role must be a string", "conversation.messages[1].content is required",
		"conversation.messages[2].createdAt must be a string",
	} {
		require.Contains(t, problems[i], want)
	}
	require.Equal(t, "b", sent.Conversation.Messages[2].Content, "reading went on")

	many := fault.Message(Decode([]byte(`{"ids":[`+strings.Repeat("1,", 999)+`1]}`), new(api.DeleteRequest), Exact))
	require.Equal(t, 20, strings.Count(many, "must be a string"))
	require.Contains(t, many, "; and 980 more")
}

func TestExactRefusesWhatIsUnknown(t *testing.T) {
	for body, want := range map[string]string{
		`{"dry_run":true}`:                          "dry_run is unknown; did you mean dryRun? Nothing was changed",
		`{"dryrun":true}`:                           "dryrun is unknown; did you mean dryRun?",
		`{"expected_count":1}`:                      "expected_count is unknown; did you mean expectedCount?",
		`{"dateTo":"2026-01-01","all":true}`:        "dateTo is unknown; did you mean filter.dateTo?",
		`{"filter":{"plattform":"a"}}`:              "filter.plattform is unknown; did you mean filter.platform?",
		`{"filter":{"dryRun":true}}`:                "filter.dryRun is unknown; did you mean dryRun?",
		`{"filter":{"all":true}}`:                   "filter.all is unknown; did you mean all?",
		`{"filter":{"to":"2026-01-01"}}`:            "filter.to is unknown; known here: archived, dateFrom, dateTo, importId, pinned, pinnedOnly, platform, project, provider, starred, title.",
		`{"filter":{"":1}}`:                         `filter."" is unknown`,
		`{"query":"x"}`:                             "query is unknown; known here: all, dryRun,",
		`{"` + strings.Repeat("ü", 70) + `":1}`:     strings.Repeat("ü", 64) + "... is unknown",
		`{"filter":null}`:                           "filter must be an object, not null",
		`{"filter":{"title":"x"},"dryRun":null}`:    "dryRun must be true or false, not null",
		`{"filter":{"dateTo":null,"provider":"a"}}`: "filter.dateTo must be a string, not null",
	} {
		err := Decode([]byte(body), new(api.DeleteMatchingRequest), Exact)
		require.Equal(t, fault.Invalid, fault.KindOf(err), body)
		require.Contains(t, fault.Message(err), want, body)
	}
}

// In a request that reads or adds, null is the same as leaving the field out.
func TestLenientReadsNullAsAbsent(t *testing.T) {
	s := api.SearchRequest{}
	require.NoError(t, Decode([]byte("\xef\xbb\xbf"+`{"query":"q","limit":null,"mode":null,"dateFrom":null,"skipRerank":null,"nothing":null}`), &s, Lenient))
	require.Equal(t, api.SearchRequest{Query: "q"}, s)
	require.EqualError(t, Decode([]byte(`{"query":null}`), &s, Lenient), "query must be a string, not null")
	var u api.UploadRequest
	require.NoError(t, Decode([]byte(`{"platform":null,"conversation":{"id":"c","pinned":null,"createdAt":"2026-03-01T09:30:00.25","messages":[]}}`), &u, Lenient))
	require.Nil(t, u.Platform)
	require.Equal(t, time.Date(2026, 3, 1, 9, 30, 0, 250_000_000, time.UTC), u.Conversation.CreatedAt.Time)
	require.EqualError(t, Decode([]byte(`{"conversation":{"id":"c","messages":[null]}}`), &u, Lenient), "conversation.messages[0] must be an object, not null")
}

func TestDecodeReads(t *testing.T) {
	var u api.UploadRequest
	require.NoError(t, Decode([]byte(` {"future":{"a":[1,{"b":null}]},"platform":"p","conversation":{"id":"c","title":null,"createdAt":null,
		"updatedAt":"2026-03-01T10:30:00.5+01:00","messages":[{"id":null,"role":"human","content":"","createdAt":"2026-03-01"}]}} `), &u, Lenient))
	require.Equal(t, "p", *u.Platform)
	require.Nil(t, u.PlatformDisplayName)
	require.Nil(t, u.Conversation.Title)
	require.Nil(t, u.Conversation.CreatedAt)
	require.Equal(t, time.Date(2026, 3, 1, 9, 30, 0, 500_000_000, time.UTC), u.Conversation.UpdatedAt.Time)
	require.Equal(t, "", u.Conversation.Messages[0].Content)
	require.Nil(t, u.Conversation.Messages[0].ID)
	require.Equal(t, time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC), u.Conversation.Messages[0].CreatedAt.Time)

	var d api.DeleteRequest
	require.NoError(t, Decode([]byte(`{"ids":[]}`), &d, Lenient))
	require.Equal(t, []string{}, d.IDs)

	var s api.SearchRequest
	require.NoError(t, Decode([]byte(`{"query":"\u00e9\ud800","mode":"keyword","skipRerank":true}`), &s, Lenient))
	require.Equal(t, "é\uFFFD", s.Query)
	require.Equal(t, api.SearchModeKeyword, *s.Mode)
}

func TestWholeNumbersAreClamped(t *testing.T) {
	for literal, want := range map[string]int{
		"0": 0, "-3": -3, "2e1": 20, "20.0": 20, "9223372036854775807": math.MaxInt64,
		"9223372036854775808": math.MaxInt32, "1e400": math.MaxInt32, "-1e400": math.MinInt32,
	} {
		var s api.SearchRequest
		require.NoError(t, Decode([]byte(`{"query":"q","limit":`+literal+`}`), &s, Lenient), literal)
		require.Equal(t, want, *s.Limit, literal)
	}
}

// FuzzDecode compares the reader with encoding/json: what it accepts, encoding/json decodes to the same value, and
// every refusal is an Invalid fault.
func FuzzDecode(f *testing.F) {
	for _, seed := range []string{
		goodUpload, `{"conversation":{"id":"c","title":null,"createdAt":"2026-03-01","messages":[]},"x":[{}]}`,
		`null`, `{}`, `{"conversation":{"id":"c","messages":[{"role":1}]}}`, `{"a":1}}`, "{\"\xff\":1}", `[[[[`, `{"conversation":{},"conversation":{}}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var strict, lenient api.UploadRequest
		if err := Decode(body, &strict, Lenient); err != nil {
			require.Equal(t, fault.Invalid, fault.KindOf(err))
			return
		}
		require.True(t, json.Valid(body))
		mine, err := json.Marshal(strict)
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal(mine, &lenient))
		theirs, err := json.Marshal(lenient)
		require.NoError(t, err)
		require.JSONEq(t, string(mine), string(theirs))
	})
}

func BenchmarkDecodeUpload(b *testing.B) {
	message := `{"id":"m","role":"human","content":"` + strings.Repeat("What did we say about trams? ", 20) + `"}`
	body := []byte(`{"conversation":{"id":"c","messages":[` + strings.Repeat(message+",", 1999) + message + `]}}`)
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		var u api.UploadRequest
		require.NoError(b, Decode(body, &u, Lenient))
	}
}

// A body may have a hundred thousand unknown fields. A suggestion is computed only for as many as an error lists; the
// others are counted.
func TestUnknownFieldsBeyondTheListAreOnlyCounted(t *testing.T) {
	var body strings.Builder
	for i := range 5000 {
		fmt.Fprintf(&body, `,"x%d":{"y":1}`, i)
	}
	asked := 0
	policy := Policy{Nested: true, Unknown: func(u Unknown) error {
		asked++
		return u.Refuse()
	}}
	var into struct {
		Known string `json:"known,omitempty"`
	}
	err := Decode([]byte("{"+body.String()[1:]+"}"), &into, policy)
	require.ErrorContains(t, err, "and 4980 more")
	require.Equal(t, 20, asked)
}

// If the policy wants it, the fields within an unknown field are judged too. An error quotes only the end of a long
// path.
func TestNestedFieldsAreJudged(t *testing.T) {
	policy := Policy{Nested: true, Unknown: func(u Unknown) error {
		if u.Name != "bad" {
			return nil
		}
		return u.Refuse()
	}}
	var into struct {
		Known string `json:"known,omitempty"`
	}
	for body, want := range map[string]string{
		`{"a":{"b":[1,[],{},{"bad":null}]},"known":"x"}`:                        "a.b[3].bad is unknown",
		`{"a":[[{"bad":{"bad":1}}]],"known":"x"}`:                               "a[0][0].bad is unknown",
		`{"` + strings.Repeat("a", 1000) + `":{"bad":1}}`:                       "..." + strings.Repeat("a", 156) + ".bad is unknown",
		strings.Repeat(`{"a":`, 5000) + `{"bad":1}` + strings.Repeat("}", 5000): "..." + strings.Repeat("a.", 78) + ".bad is unknown",
	} {
		require.ErrorContains(t, Decode([]byte(body), &into, policy), strings.Replace(want, "..bad", ".bad", 1))
	}
	require.NoError(t, Decode([]byte(`{"a":{"b":[1,[],{},{"good":null}],"c":{}},"known":"x"}`), &into, policy))
	require.Equal(t, "x", into.Known)
}
