package main

import (
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
		Short:   "Find passages by words and by meaning",
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
			for i, hit := range answer.Results {
				if err := p.say("%d. %s  %s  (%s)\n%s\n\n", i+1, hit.Timestamp.UTC().Format(time.DateOnly), hit.Title, hit.ConversationID, hit.Text); err != nil {
					return err
				}
			}
			reranked := ""
			if answer.Reranked {
				reranked = ", reranked"
			}
			return p.say("%d found, mode %s%s\n", answer.TotalResults, answer.Mode, reranked)
		},
	}
	cmd.Flags().StringVar(&mode, "mode", "hybrid", "what is compared: hybrid, semantic or keyword")
	completes(cmd, "mode", "hybrid", "semantic", "keyword")
	cmd.Flags().StringVar(&platform, "platform", "all", "only this platform")
	cmd.Flags().BoolVar(&skip, "skip-rerank", false, "go without the reranker, where the service has one")
	cmd.Flags().IntVar(&limit, "limit", 10, "how many passages, at most 100")
	cmd.Flags().IntVar(&neighbours, "context", 0, "how many neighbouring passages come with each (with --json)")
	r.flags(cmd)
	return cmd
}

func (p *program) recallCommand() *cobra.Command {
	var r remote
	var platform string
	var budget int
	cmd := &cobra.Command{
		Use:   "recall WORDS...",
		Short: "Write a digest of what the history knows, dated and cited",
		Args:  cobra.MinimumNArgs(1),
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
			return p.say("%s\n", answer.Content)
		},
	}
	cmd.Flags().IntVar(&budget, "max-tokens", 600, "how long it may be, at most 2000")
	cmd.Flags().StringVar(&platform, "platform", "", "for whom it is formatted: claude, chatgpt or typingmind")
	completes(cmd, "platform", "claude", "chatgpt", "typingmind")
	r.flags(cmd)
	return cmd
}
