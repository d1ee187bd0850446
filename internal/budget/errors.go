package budget

import "errors"

// ErrBusy is the cause when a request is refused because the memory budget is in use.
var ErrBusy = errors.New("the memory budget is in use")
