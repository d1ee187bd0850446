package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/lethe-chat/lethe/pkg/api"
)

func (p *program) searchCommand() *cobra.Command {
	var r remote
	var mode, platform string
	var limit, neighbours int
	var skip bool
	cmd := &cobra.Command{
		Use:     "search WORDS...",
		Short:   "Search by word and by meaning",
		Long:    "Search the conversations by word and by meaning, and print the passages that fit best.",
		Example: "  lethe search where is the spare key\n  lethe search --mode keyword --limit 5 flowerpot",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, words []string) error {
			c, err := p.client(cmd.Context(), r)
			if err != nil {
				return err
			}
			m := api.SearchMode(mode)
			answer, err := c.Search(cmd.Context(), api.SearchRequest{
				Query: strings.Join(words, " "), Mode: &m, Provider: &platform, Limit: &limit, ContextChunks: &neighbours, SkipRerank: &skip,
			})
			if err != nil {
				return err
			}
			if r.asJSON {
				return p.printJSON(answer)
			}
			return p.printHits(answer, m)
		},
	}
	cmd.Flags().StringVar(&mode, "mode", "hybrid", "how to search: keyword (by word), semantic (by meaning), or hybrid (both)")
	completes(cmd, "mode", "hybrid", "semantic", "keyword")
	cmd.Flags().StringVar(&platform, "platform", "all", "only conversations of this platform")
	cmd.Flags().BoolVar(&skip, "skip-rerank", false, "do not use the reranker, if the service has one")
	cmd.Flags().IntVar(&limit, "limit", 10, "number of passages, at most 100")
	cmd.Flags().IntVar(&neighbours, "context", 0, "number of neighbouring passages to return with each one (with --json)")
	r.flags(cmd)
	return cmd
}

// printHits prints the passages, and on stderr how they were found.
func (p *program) printHits(answer api.SearchAnswer, asked api.SearchMode) error {
	for i, hit := range answer.Results {
		text := strings.ReplaceAll(strings.TrimSpace(withoutHeading(hit.Passage, hit.Title)), "\n", "\n   ")
		err := p.say("%d. %s\n   %s  %s\n\n   %s\n\n", i+1, shortTitle(oneLine(hit.Title)),
			hit.Timestamp.UTC().Format(time.DateOnly), hit.ConversationID, text)
		if err != nil {
			return err
		}
	}
	how := fmt.Sprintf("mode %s", answer.Mode)
	if asked == api.SearchModeHybrid && answer.Mode == api.SearchModeKeyword {
		how += ": the service did not search by meaning"
	}
	if answer.Reranked {
		how += ", reranked"
	}
	found := "No passage"
	if answer.TotalResults > 0 {
		found = count(answer.TotalResults, "passage")
	}
	p.note("%s found (%s).", found, how)
	return nil
}

// withoutHeading removes the line "[2026-11-27] Title" at the beginning of a passage, because date and title are
// printed above it.
func withoutHeading(text, title string) string {
	first, rest, more := strings.Cut(text, "\n")
	_, named, found := strings.Cut(first, "] ")
	if more && found && strings.HasPrefix(first, "[") && strings.HasPrefix(oneLine(title), named) {
		return rest
	}
	return text
}

func (p *program) recallCommand() *cobra.Command {
	var r remote
	var platform string
	var budget int
	cmd := &cobra.Command{
		Use:   "recall WORDS...",
		Short: "Print a digest of what the history says about a question",
		Long: "Print a digest of what the history says about a question, with dates and sources, to paste\n" +
			"into a new conversation.",
		Example: "  lethe recall what did we decide about the garden",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, words []string) error {
			c, err := p.client(cmd.Context(), r)
			if err != nil {
				return err
			}
			query := strings.Join(words, " ")
			answer, err := c.Recall(cmd.Context(), api.RecallRequest{Query: &query, MaxTokens: &budget, Platform: &platform})
			if err != nil {
				return err
			}
			if r.asJSON {
				return p.printJSON(answer)
			}
			if answer.Content == "" {
				p.note("The history says nothing about this.")
				return nil
			}
			return p.say("%s\n", answer.Content)
		},
	}
	cmd.Flags().IntVar(&budget, "max-tokens", 600, "length of the digest in tokens, at most 2000")
	cmd.Flags().StringVar(&platform, "platform", "", "assistant to format the digest for: claude, chatgpt or typingmind")
	completes(cmd, "platform", "claude", "chatgpt", "typingmind")
	r.flags(cmd)
	return cmd
}
