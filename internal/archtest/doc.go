// Package archtest holds the architecture as tests: which package may import
// which, which libraries have one right place, and what must not be there at
// all. It has no code of its own that anything could call.
//
// A failure here is a question about design, not about style. Either the change
// belongs elsewhere, or the architecture changes: then edit the table in
// table_test.go and ARCHITECTURE.md in the same commit, with the reason.
package archtest
