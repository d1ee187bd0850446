// Package rank decides what matches a query and in which order: the analyzer
// that turns texts into terms, the pieces of BM25, the fusion of the keyword and
// the semantic leg, and which words to highlight. All of it is pure and
// deterministic, and both databases index and rank by it, so they agree. It owns
// no storage and no vectors.
package rank
