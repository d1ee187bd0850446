// Package jsonbody decodes a JSON body into a struct of the wire and reports exactly what
// is wrong with it. encoding/json accepts null for any value, a missing field as an empty
// one, and "IDS" for "ids"; in a request that deletes, each of these may delete too much.
// The package owns the types and the presence of fields, not the meaning of their values,
// and knows no HTTP.
package jsonbody

import (
	"bytes"
	"encoding"
	"encoding/json"
	"errors"
	"io"
	"math"
	"reflect"
	"strconv"
	"strings"

	"github.com/lethe-chat/lethe/internal/fault"
)

// maxItems limits every array, so that a body of tiny items cannot take many times its size
// in memory. The rules of each field are stricter.
const maxItems = 100_000

// A Policy says how to treat unknown fields and null.
type Policy struct {
	// Unknown is called for each field that the struct does not have; nil ignores such
	// fields. If it returns a fault, the body is refused.
	Unknown func(Unknown) error
	// Nested asks Unknown about the fields within the value of an unknown field too.
	Nested bool
	// RefuseNull makes null an error everywhere. Otherwise null in an optional field
	// is the same as leaving the field out.
	RefuseNull bool
}

// Lenient ignores unknown fields and reads null in an optional field as absent. It is for
// requests that read or add.
var Lenient = Policy{}

// Exact refuses unknown fields, suggesting the nearest known name, and null. It is for
// requests that delete, where a misspelt field could delete too much.
var Exact = Policy{Unknown: Unknown.Refuse, RefuseNull: true}

// Decode reads data into the struct that into points to. Fields are those of its
// json tags, matched exactly; one without omitempty is required. Whole numbers too
// large for an int are read as the largest. A byte order mark before the JSON is
// skipped.
//
// Every failure is an Invalid fault: no body, a syntax error with its position, data after
// the JSON value, or a list of all wrong fields with their paths: fields that the policy
// refuses, and fields that are missing, given twice, null or of the wrong type.
func Decode(data []byte, into any, policy Policy) error {
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	if len(bytes.TrimSpace(data)) == 0 {
		return fault.Invalidf("a JSON body is required, and this request has none")
	}
	if err := checkSyntax(data); err != nil {
		return err
	}
	root := reflect.ValueOf(into).Elem()
	r := reader{dec: json.NewDecoder(bytes.NewReader(data)), structs: map[reflect.Type][]field{}, policy: policy, root: root.Type()}
	r.dec.UseNumber()
	tok, err := r.token()
	if err != nil {
		return err
	}
	return r.value(nil, tok, root)
}

// checkSyntax reads the whole body once, so that nothing is decoded from a body with a
// syntax error or with data after its value.
func checkSyntax(data []byte) error {
	if json.Valid(data) {
		return nil
	}
	var whole json.RawMessage
	err := json.Unmarshal(data, &whole)
	var syntax *json.SyntaxError
	switch {
	case errors.As(err, &syntax):
		line, column := position(data, syntax.Offset)
		return fault.Invalidf("the body is not valid JSON: %s at line %d, column %d (byte %d)",
			syntax.Error(), line, column, syntax.Offset)
	default:
		return fault.Wrap(fault.Invalid, err, "the body is not valid JSON")
	}
}

// position converts a syntax error's offset, which includes the wrong byte, to a line and a
// column, both counted from 1.
func position(data []byte, offset int64) (line, column int) {
	before := data[:min(max(offset-1, 0), int64(len(data)))]
	return 1 + bytes.Count(before, []byte("\n")), len(before) - bytes.LastIndexByte(before, '\n')
}

// path is the place of a value in the body. It is rendered only for an error.
type path struct {
	parent *path
	name   string // a field, or empty for an index
	index  int
}

func (p *path) String() string {
	switch {
	case p == nil:
		return ""
	case p.name == "":
		return p.parent.String() + "[" + strconv.Itoa(p.index) + "]"
	case p.parent == nil:
		return p.name
	default:
		return p.parent.String() + "." + p.name
	}
}

// field is a struct field that the body may contain.
type field struct {
	name     string
	index    int
	required bool
}

type reader struct {
	dec     *json.Decoder
	structs map[reflect.Type][]field
	policy  Policy
	root    reflect.Type
	wrong   fault.Problems // problems of fields; reading continues after each
}

// token reads one token of a body that is known to be well formed.
func (r *reader) token() (json.Token, error) {
	tok, err := r.dec.Token()
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "the body is not valid JSON")
	}
	return tok, nil
}

// value reads the value that begins with tok into to, and returns everything that is wrong
// with it.
func (r *reader) value(at *path, tok json.Token, to reflect.Value) error {
	if err := r.read(at, tok, to); err != nil {
		return err
	}
	return r.wrong.Err()
}

// note records what is wrong with a field.
func (r *reader) note(format string, args ...any) { r.wrong.Add(fault.Path{}, format, args...) }

// read is value without the noted problems. It returns an error when it cannot continue.
func (r *reader) read(at *path, tok json.Token, to reflect.Value) error {
	if to.Kind() == reflect.Pointer {
		fresh := reflect.New(to.Type().Elem())
		to.Set(fresh)
		return r.read(at, tok, fresh.Elem())
	}
	if text, ok := to.Addr().Interface().(encoding.TextUnmarshaler); ok {
		return r.text(at, tok, text)
	}
	switch to.Kind() {
	case reflect.String:
		s, ok := tok.(string)
		if !ok {
			return r.wrongType(at, tok, "a string")
		}
		to.SetString(s)
	case reflect.Bool:
		b, ok := tok.(bool)
		if !ok {
			return r.wrongType(at, tok, "true or false")
		}
		to.SetBool(b)
	case reflect.Int:
		n, ok := tok.(json.Number)
		if !ok {
			return r.wrongType(at, tok, "a whole number")
		}
		i, ok := wholeNumber(n.String())
		if !ok {
			r.note("%s must be a whole number", at)
		}
		to.SetInt(int64(i))
	case reflect.Float64:
		n, ok := tok.(json.Number)
		if !ok {
			return r.wrongType(at, tok, "a number")
		}
		f, err := n.Float64()
		if err != nil { // a number beyond what a float64 can be
			r.note("%s is too large a number", at)
		}
		to.SetFloat(f)
	case reflect.Slice:
		return r.array(at, tok, to)
	case reflect.Struct:
		return r.object(at, tok, to)
	case reflect.Interface:
		v, err := r.untyped(at, tok, 0)
		if v != nil {
			to.Set(reflect.ValueOf(v))
		}
		return err
	default:
		return fault.New(fault.Internal, "no wire type has a %s field (%s)", to.Kind(), at)
	}
	return nil
}

// maxDepth is how deep the arrays and objects of a value of any type may be nested, so that a body
// of brackets does not take more stack than there is.
const maxDepth = 20

// untyped reads a value of any type: a string, a bool, a json.Number, nil, a []any or a
// map[string]any.
func (r *reader) untyped(at *path, tok json.Token, depth int) (any, error) {
	open, nested := tok.(json.Delim)
	if !nested {
		return tok, nil
	}
	if depth == maxDepth {
		return nil, fault.Invalidf("%s is nested more than %d deep", at, maxDepth)
	}
	list, object := []any{}, map[string]any{}
	for i := 0; r.dec.More(); i++ {
		if i == maxItems {
			return nil, fault.Invalidf("%s has more than %d items", at, maxItems)
		}
		tok, err := r.token()
		if err != nil {
			return nil, err
		}
		name, _ := tok.(string)
		if open == '{' { // the token was the name of a field
			if tok, err = r.token(); err != nil {
				return nil, err
			}
		}
		v, err := r.untyped(at, tok, depth+1)
		if err != nil {
			return nil, err
		}
		if open == '{' {
			object[name] = v
		} else {
			list = append(list, v)
		}
	}
	_, err := r.token() // the closing bracket
	if open == '{' {
		return object, err
	}
	return list, err
}

func (r *reader) text(at *path, tok json.Token, to encoding.TextUnmarshaler) error {
	s, ok := tok.(string)
	if !ok {
		return r.wrongType(at, tok, "a string")
	}
	if err := to.UnmarshalText([]byte(s)); err != nil {
		r.note("%s %s", at, err)
	}
	return nil
}

func (r *reader) array(at *path, tok json.Token, to reflect.Value) error {
	if tok != json.Delim('[') {
		return r.wrongType(at, tok, "an array")
	}
	to.Set(reflect.MakeSlice(to.Type(), 0, 0))
	for i := 0; r.dec.More(); i++ {
		if i == maxItems {
			return fault.Invalidf("%s has more than %d items", at, maxItems)
		}
		tok, err := r.token()
		if err != nil {
			return err
		}
		to.Grow(1)
		to.SetLen(i + 1)
		if err := r.read(&path{parent: at, index: i}, tok, to.Index(i)); err != nil {
			return err
		}
	}
	_, err := r.token() // the closing bracket
	return err
}

func (r *reader) object(at *path, tok json.Token, to reflect.Value) error {
	if tok != json.Delim('{') {
		if at == nil {
			return fault.Invalidf("the body must be a JSON object")
		}
		return r.wrongType(at, tok, "an object")
	}
	fields := r.fieldsOf(to.Type())
	seen := make([]bool, len(fields))
	for r.dec.More() {
		key, err := r.token()
		if err != nil {
			return err
		}
		i := indexOf(fields, key)
		if i < 0 {
			if err := r.unknown(at, key, to.Type()); err != nil {
				return err
			}
			continue
		}
		if err := r.member(&path{parent: at, name: fields[i].name}, fields[i], seen[i], to); err != nil {
			return err
		}
		seen[i] = true
	}
	for i, f := range fields {
		if f.required && !seen[i] {
			r.note("%s is required", &path{parent: at, name: f.name})
		}
	}
	_, err := r.token() // the closing brace
	return err
}

// member reads the value of one field of an object.
func (r *reader) member(at *path, f field, again bool, to reflect.Value) error {
	if again {
		r.note("%s is given twice", at)
		return r.skip()
	}
	tok, err := r.token()
	if err != nil {
		return err
	}
	if tok == nil && !f.required && !r.policy.RefuseNull {
		return nil
	}
	return r.read(at, tok, to.Field(f.index))
}

// unknown lets the policy judge a field that the struct does not have, and skips its value. When the list of problems
// is full, further ones are only counted, because a body can have a hundred thousand of them.
func (r *reader) unknown(at *path, key json.Token, in reflect.Type) error {
	name, ok := key.(string)
	if !ok || r.policy.Unknown == nil {
		return r.skip()
	}
	if r.wrong.Full() {
		r.note("%s is unknown", name)
		return r.skip()
	}
	if err := r.policy.Unknown(Unknown{Name: name, at: at, in: in, root: r.root, fieldsOf: r.fieldsOf}); err != nil {
		r.note("%s", fault.Message(err))
		return r.skip()
	}
	if !r.policy.Nested {
		return r.skip()
	}
	tok, err := r.token()
	if err != nil {
		return err
	}
	return r.within(&path{parent: at, name: name}, tok)
}

// within lets the policy judge every field in the value of an unknown field. The value begins with tok and has no
// known field.
func (r *reader) within(at *path, tok json.Token) error {
	if opens(tok) != 1 {
		return nil
	}
	for i := 0; r.dec.More(); i++ {
		if tok == json.Delim('{') {
			key, err := r.token()
			if err != nil {
				return err
			}
			if err := r.unknown(at, key, reflect.TypeFor[struct{}]()); err != nil {
				return err
			}
			continue
		}
		item, err := r.token()
		if err != nil {
			return err
		}
		if err := r.within(&path{parent: at, index: i}, item); err != nil {
			return err
		}
	}
	_, err := r.token() // the closing bracket or brace
	return err
}

// skip reads a whole value and ignores it.
func (r *reader) skip() error {
	var unread json.RawMessage
	if err := r.dec.Decode(&unread); err != nil && !errors.Is(err, io.EOF) {
		return fault.Wrap(fault.Invalid, err, "the body is not valid JSON")
	}
	return nil
}

func (r *reader) fieldsOf(t reflect.Type) []field {
	if known, ok := r.structs[t]; ok {
		return known
	}
	var fields []field
	for i := range t.NumField() {
		name, options, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		if name == "" || name == "-" {
			continue
		}
		fields = append(fields, field{
			name: name, index: i,
			required: !strings.Contains(options, "omitempty"),
		})
	}
	r.structs[t] = fields
	return fields
}

func indexOf(fields []field, key json.Token) int {
	for i := range fields {
		if key == fields[i].name {
			return i
		}
	}
	return -1
}

// wrongType notes that the value that begins with tok has the wrong type, and skips the rest
// of it.
func (r *reader) wrongType(at *path, tok json.Token, want string) error {
	if tok == nil {
		r.note("%s must be %s, not null", at, want)
	} else {
		r.note("%s must be %s", at, want)
	}
	for depth := opens(tok); depth > 0; {
		inner, err := r.token()
		if err != nil {
			return err
		}
		depth += opens(inner)
	}
	return nil
}

// opens returns by how much a token changes the nesting depth.
func opens(tok json.Token) int {
	switch tok {
	case json.Delim('{'), json.Delim('['):
		return 1
	case json.Delim('}'), json.Delim(']'):
		return -1
	}
	return 0
}

// wholeNumber reads a JSON number without a fraction, such as 20, 2e1 or 20.0. A number
// beyond the range of int becomes the largest or smallest int, and the code that knows the
// field's limit clamps it.
func wholeNumber(literal string) (int, bool) {
	if n, err := strconv.Atoi(literal); err == nil {
		return n, true
	}
	f, err := strconv.ParseFloat(literal, 64) // an overflow gives ±Inf
	switch {
	case f >= math.MaxInt32:
		return math.MaxInt32, true
	case f <= math.MinInt32:
		return math.MinInt32, true
	case err != nil, f != math.Trunc(f):
		return 0, false
	}
	return int(f), true
}
