package imports

import (
	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/exports"
	"github.com/lethe-chat/lethe/internal/exports/format"
)

func placeOf(p format.Place) chat.ImportPlace {
	return chat.ImportPlace{Member: p.Member, Line: p.Line, Element: p.Element}
}

// formatOf returns the format of a file: that of its members if they have one, else `several`.
func formatOf(f File, r *exports.Report) string {
	name := f.Format
	for _, m := range r.Members {
		switch {
		case m.Format == "" || m.Format == name:
		case name == "":
			name = m.Format
		default:
			return severalFormats
		}
	}
	return name
}

const severalFormats = "several"

// reportOf is what the record of an import keeps of what was found in its file.
func reportOf(r *exports.Report) chat.ImportReport {
	report := chat.ImportReport{Notes: r.Notices}
	for _, m := range r.Members {
		member := chat.ImportMember{Path: m.Path, Format: m.Format, Conversations: m.Conversations, Failed: m.ProblemCount, Warnings: map[string]int{}}
		for text, n := range m.Warnings {
			member.Warnings[string(text)] = n
		}
		for _, p := range m.Problems {
			report.Problems = append(report.Problems, chat.ImportProblem{ImportPlace: placeOf(p.Place), Reason: p.Text})
		}
		report.Members = append(report.Members, member)
		report.Skipped += m.Older + m.Excluded
		report.Unread += m.ProblemCount
	}
	for _, w := range r.Without {
		report.Members = append(report.Members, chat.ImportMember{Path: w.Path, Problem: "it has no conversations of a known format"})
	}
	return report
}
