// Package matrix multiplies float32 matrices in one shape: a few rows of activations
// times a matrix that was prepared for the kernel. It owns the processor-specific
// code and the portable fallback. It knows nothing about models.
package matrix
