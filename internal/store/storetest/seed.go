package storetest

import (
	"math/rand/v2"
	"testing"
)

// FixedSeed is the seed of random tests unless a flag sets another one, so a run in CI repeats the run before it.
const FixedSeed = 1

// Seed returns the given seed, or a new one if it is 0, and logs it with the flag that repeats the run.
func Seed(t testing.TB, flag string, given uint64) uint64 {
	t.Helper()
	seed := given
	if seed == 0 {
		seed = rand.Uint64() //nolint:gosec // the seed of a test is no secret
	}
	t.Logf("seed %d: repeat with -args -%s %d", seed, flag, seed)
	return seed
}
