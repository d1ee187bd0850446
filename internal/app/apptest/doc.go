// Package apptest starts the whole program for tests, on a free port and a fresh
// database: in the test's process (Start), or in a process of its own that can be killed
// (StartProcess). It checks every answer that a service's client receives against
// openapi.yaml. It is for tests only.
package apptest
