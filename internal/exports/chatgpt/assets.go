package chatgpt

import (
	"cmp"
	"io"
	"sync"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/lethe-chat/lethe/internal/exports/format"
	"github.com/lethe-chat/lethe/internal/exports/hygiene"
)

const (
	assetFile  = "conversation_asset_file_names.json"
	assetLimit = 64 << 20 // bytes of the file that are read
)

// assetNames returns a function that reads the names of files. An export lists them beside the conversations, because
// the files themselves have names such as file-1.dat. It reads the list at its first call, once for all shards.
func assetNames(m format.Member) func() map[string]string {
	find := func() any { return readAssetNames(m) }
	return sync.OnceValue(func() map[string]string {
		if m.Memo == nil {
			return readAssetNames(m)
		}
		names, _ := m.Memo("chatgpt "+assetFile, find).(map[string]string)
		return names
	})
}

// readAssetNames returns no names if the file is missing or damaged: files then have their
// ids as names.
func readAssetNames(m format.Member) map[string]string {
	if m.Sibling == nil {
		return nil
	}
	file, ok := m.Sibling(assetFile)
	if !ok {
		return nil
	}
	in, err := file.Open()
	if err != nil {
		return nil
	}
	defer in.Close()
	names := map[string]string{}
	err = json.UnmarshalRead(io.LimitReader(in, assetLimit), &names, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	if err != nil {
		return nil
	}
	return names
}

// name returns the name of a file, or its id if the name is unknown.
func (r *reader) name(f file) string {
	if f.name == "" {
		names := r.names()
		f.name = cmp.Or(names[f.id], names[f.id+".dat"], f.id)
	}
	return hygiene.Text(f.name)
}
