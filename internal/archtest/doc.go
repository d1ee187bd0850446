// Package archtest tests the architecture: which package may import which, which
// libraries belong in one place, and what must not exist at all. It contains only tests.
//
// If a test fails, either the change belongs elsewhere, or the architecture changes. In
// that case edit the table in table_test.go and ARCHITECTURE.md in the same commit, and
// give the reason.
package archtest
