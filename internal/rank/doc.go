// Package rank orders what a search found: the pieces of BM25 and the fusion of
// the keyword and the semantic leg. It is pure and deterministic, and both
// databases rank by it, so they agree. It owns no storage, no vectors and no text;
// how text becomes terms is package text's matter.
package rank
