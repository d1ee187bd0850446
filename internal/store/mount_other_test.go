//go:build !linux

package store_test

import "errors"

func mount(string, string) error { return errors.New("only tried on Linux") }
func unmount(string) error       { return nil }
