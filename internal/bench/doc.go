// Package bench measures what the service does beside the same work in plain
// SQL, in one run, and reports the ratio: `make bench`. It has nothing but
// benchmarks. docs/benchmarks.md says what is compared with what.
package bench
