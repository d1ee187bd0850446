package claude

import (
	"context"
	"fmt"
	"strings"

	"github.com/lethe-chat/lethe/internal/exports/elements"
	"github.com/lethe-chat/lethe/internal/exports/format"
	"github.com/lethe-chat/lethe/internal/exports/hygiene"
	"github.com/lethe-chat/lethe/internal/exports/loose"
)

// indexFile is a file that an index lists. Its address is a secret and is never shown.
type indexFile struct {
	Name     loose.Text `json:"name"`
	FileName loose.Text `json:"file_name"`
	Filename loose.Text `json:"filename"`
}

// named is how many files a notice names, and longestName how many bytes of each.
const (
	named       = 10
	longestName = 100
)

// readIndex says which files have to be downloaded.
func readIndex(ctx context.Context, m format.Member, out *format.Out) error {
	count := 0
	var names []string
	err := elements.Each(ctx, m, out, []string{"data_files"}, func(f *indexFile, _ format.Place) error {
		count++
		name := string(f.Name + f.FileName + f.Filename)
		if name != "" && len(name) <= longestName && len(names) < named {
			names = append(names, hygiene.Text(name))
		}
		return nil
	})
	if err != nil {
		return err
	}
	list := ""
	if len(names) > 0 {
		list = ": " + strings.Join(names, ", ")
		if count > len(names) {
			list += fmt.Sprintf(" and %d more", count-len(names))
		}
	}
	files := fmt.Sprintf("the %d files", count)
	if count == 1 {
		files = "the file"
	}
	out.Notice(fmt.Sprintf("%s is the index of a Claude export; download %s that it lists, while the addresses are valid, and import those%s", m.Path, files, list))
	return nil
}
