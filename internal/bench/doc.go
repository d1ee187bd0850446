// Package bench compares the service with plain SQL that does the same work, in one run,
// and reports the ratio (`make bench`). It contains only benchmarks. docs/benchmarks.md
// describes the comparisons.
package bench
