// Package apptest starts the whole program for tests: on a free port, on a
// database of the test's own, in the test's process (Start) or in a process of
// its own that can be killed (StartProcess). Every answer that passes through a
// service's client is held against openapi.yaml. It is for tests only.
package apptest
