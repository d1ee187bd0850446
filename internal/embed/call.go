package embed

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/lethe-chat/lethe/internal/fault"
)

// errPanic is the cause of the fault that Call returns for a panic.
var errPanic = errors.New("panic")

// Call asks an embedder. It returns an Internal fault for a panic, and for an answer without exactly one vector per
// text. Every caller that must survive a broken embedder uses it.
func Call(ctx context.Context, e Embedder, texts []string) (vectors [][]float32, err error) {
	defer Recover(&err)
	vectors, err = e.Embed(ctx, texts)
	if err == nil && len(vectors) != len(texts) {
		return nil, fault.New(fault.Internal, "the embedder answered %d vectors for %d texts", len(vectors), len(texts))
	}
	return vectors, err
}

// Recover turns a panic of the function that defers it into an error. An embedder that starts goroutines defers it in
// each of them, because no caller can recover a panic of another goroutine.
//
// The error contains the place of the panic. It contains the panic's value only if Go's runtime made it: any other
// value may quote a text.
func Recover(err *error) {
	p := recover()
	if p == nil {
		return
	}
	what := fmt.Sprintf("a value of type %T", p)
	var fromRuntime runtime.Error
	if e, ok := p.(error); ok && errors.As(e, &fromRuntime) {
		what = fromRuntime.Error()
	}
	*err = fault.Wrap(fault.Internal, errPanic, "the embedder panicked with %s\n%s", what, debug.Stack())
}

// Panicked reports whether an error of Call comes from a panic.
func Panicked(err error) bool { return errors.Is(err, errPanic) }
