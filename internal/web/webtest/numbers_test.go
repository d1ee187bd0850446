package webtest

import "strconv"

func decimal(n int64) string { return strconv.FormatInt(n, 10) }

// plainCount is how the list names its length, below a thousand.
func plainCount(n int) string { return strconv.Itoa(n) + " chats" }
