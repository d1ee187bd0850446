// Package webtest contains the tests of the page in a real browser: the whole program runs,
// and Chromium shows the page and presses the keys. ensure-chromium.sh provides the browser
// and axe-core; `make test` calls it.
package webtest
