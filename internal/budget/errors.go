package budget

import "errors"

// ErrBusy marks the refusal of a request for which there is no memory at the
// moment.
var ErrBusy = errors.New("the memory budget is in use")
