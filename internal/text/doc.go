// Package text is Lethe's knowledge of words: the analyzer that turns documents and
// queries into terms, scripts and languages, which words to highlight, whether two texts
// say nearly the same, and how many tokens of language models a text has. It does no
// I/O. It owns no limits and no ranking.
package text
