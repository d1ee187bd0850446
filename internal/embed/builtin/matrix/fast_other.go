//go:build !amd64

package matrix

// fast returns no kernels: only the portable one exists for this processor.
func fast() []Kernel { return nil }
