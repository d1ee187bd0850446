package webtest

import (
	"github.com/chromedp/chromedp/kb"
)

// Keys that have no character.
const (
	escape    = kb.Escape
	enter     = kb.Enter
	up        = kb.ArrowUp
	down      = kb.ArrowDown
	end       = kb.End
	home      = kb.Home
	backspace = kb.Backspace
	kbDelete  = kb.Delete
)
