package storetest

import (
	"math/rand/v2"
	"testing"
)

// FixedSeed is the seed of tests that play at random, unless a flag names another:
// a run in CI repeats the run before it.
const FixedSeed = 1

// Seed returns the seed that was given, or for 0 a new one, and logs it with the
// flag that repeats it.
func Seed(t testing.TB, flag string, given uint64) uint64 {
	t.Helper()
	seed := given
	if seed == 0 {
		seed = rand.Uint64() //nolint:gosec // the seed of a game
	}
	t.Logf("seed %d: repeat with -args -%s %d", seed, flag, seed)
	return seed
}
