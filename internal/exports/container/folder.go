package container

import (
	"context"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/lethe-chat/lethe/internal/exports/format"
)

// folderSize returns the number of bytes of the files in a folder.
func folderSize(root string) (size int64, err error) {
	err = filepath.WalkDir(root, func(_ string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		if info, err := entry.Info(); err == nil { // a file may have been deleted meanwhile
			size += info.Size()
		}
		return nil
	})
	return size, err
}

// folder visits the files of a folder in the order of their paths. A symbolic link in it is
// not followed, and a file is opened below the folder, so that a folder that is exchanged
// for a link meanwhile leads nowhere else.
func (w *walk) folder(rootPath string) bool {
	root, err := os.OpenRoot(rootPath)
	if err != nil {
		return w.refuse(showable(rootPath), err)
	}
	defer func() { _ = root.Close() }() // it was only read
	members := &folder{ctx: w.ctx, root: root, path: rootPath, shown: w.within(rootPath)}
	goOn := true
	err = members.each(func(within string, err error) bool {
		if err != nil {
			goOn = w.refuse(members.shown+showable(within), err)
		} else if f, ok := members.file(within); ok {
			goOn = w.file(f, neighbours{members, f.path}, 0)
		}
		return goOn
	})
	if err != nil && goOn {
		return w.refuse(showable(rootPath), err)
	}
	return goOn
}

// within returns what the paths of the members of something that the person named begin
// with: nothing, unless several things were named.
func (w *walk) within(named string) string {
	if len(w.source.top) == 1 {
		return ""
	}
	return showable(path.Base(filepath.ToSlash(named))) + "/"
}

// folder is a folder on disk as a place to find members in.
type folder struct {
	ctx   context.Context
	root  *os.Root
	path  string // on disk
	shown string // before the paths of its members
}

// each calls visit with the path within the folder of each of its files, in the order of the
// paths, until visit returns false.
func (f *folder) each(visit func(within string, err error) bool) error {
	return filepath.WalkDir(f.path, func(name string, entry fs.DirEntry, err error) error {
		if ctxErr := f.ctx.Err(); ctxErr != nil {
			return ctxErr
		}
		within, relErr := filepath.Rel(f.path, name)
		if relErr != nil {
			return relErr
		}
		if (err != nil || entry.Type().IsRegular()) && !visit(filepath.ToSlash(within), err) {
			return fs.SkipAll
		}
		return nil
	})
}

// file returns a file of the folder by its path within it.
func (f *folder) file(within string) (file, bool) {
	local := filepath.FromSlash(within)
	info, err := f.root.Lstat(local)
	if err != nil || !info.Mode().IsRegular() {
		return file{}, false
	}
	found := onDisk(filepath.Join(f.path, local), f.shown+within, info)
	found.open = func() (io.ReadCloser, error) { return f.root.Open(local) }
	return found, true
}

func (f *folder) find(shown string) (file, bool) {
	within, ok := strings.CutPrefix(shown, f.shown)
	if !ok {
		return file{}, false
	}
	return f.file(within)
}

func (f *folder) all() (files []file) {
	_ = f.each(func(within string, err error) bool { // what cannot be read has no members
		if found, ok := f.file(within); ok && err == nil {
			files = append(files, found)
		}
		return true
	})
	return files
}

// place is where members can be found by their paths.
type place interface {
	find(shown string) (file, bool)
	all() []file
}

// neighbours are the members around the member with a path.
type neighbours struct {
	among place // nil if there are none
	path  string
}

// describe gives a member its neighbours and what readers have remembered.
func (n neighbours) describe(s *Source, m *format.Member) {
	m.Memo = s.remember
	if n.among == nil {
		return
	}
	m.Sibling = func(name string) (format.Member, bool) {
		f, ok := n.among.find(path.Join(path.Dir(n.path), name))
		if !ok {
			return format.Member{}, false
		}
		return n.member(s, f), true
	}
	m.All = func() []format.Member {
		files := n.among.all()
		members := make([]format.Member, 0, len(files))
		for _, f := range files {
			members = append(members, n.member(s, f))
		}
		slices.SortStableFunc(members, func(a, b format.Member) int { return strings.Compare(a.Path, b.Path) })
		return members
	}
}

// member returns a neighbour as a member. Nothing of it is read before it is opened.
func (n neighbours) member(s *Source, f file) format.Member {
	m := format.Member{Path: f.path, Size: f.size, Modified: f.modified, File: f.disk}
	m.Open = func() (io.ReadCloser, error) {
		magic, err := f.magic()
		if err != nil {
			return nil, err
		}
		return f.member(magic).Open()
	}
	neighbours{n.among, f.path}.describe(s, &m)
	return m
}

// remember returns the value that create returned at the first call with this key.
func (s *Source) remember(key string, create func() any) any {
	value, ok := s.memo[key]
	if !ok {
		value = create()
		s.memo[key] = value
	}
	return value
}
