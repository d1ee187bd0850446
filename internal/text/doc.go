// Package text is everything Lethe knows about words: the analyzer that turns
// texts into terms for documents and queries alike, the scripts and languages it
// tells apart, which words to highlight, when two texts say the same, and how long
// a text is in the tokens that language models count in. It is pure and works
// offline. It owns no limits and no ranking.
package text
