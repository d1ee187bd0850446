// Package container opens the containers of export files: files, folders, zip archives, archives in archives, gzip
// and standard input. It returns their members one after the other, as UTF-8. It unpacks nothing to disk except
// archives inside of archives. It does not know what a member contains.
//
// Paths in archives are names for people. The package never opens a path that an archive contains, and follows no
// symbolic link in a folder.
package container

import (
	"context"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"strings"

	"github.com/lethe-chat/lethe/internal/exports/format"
	"github.com/lethe-chat/lethe/internal/fault"
)

// Member is one file of a source.
type Member struct {
	format.Member
	Stored int64 // bytes that it takes in the source; -1 when unknown

	// Head returns the beginning of the member as UTF-8: at most this many bytes, and at most format.SampleBytes of a
	// stream. It may return fewer bytes of a binary file than the file has.
	Head func(most int) ([]byte, error)
}

// Source is a set of files, folders or archives that are imported together.
type Source struct {
	limits limits
	temp   string
	top    []top
	bytes  int64
	memo   map[string]any
}

// top is what the person named: a path on disk or an open file.
type top struct {
	path   string // on disk, or empty
	folder bool
	file   file
}

// Options are the settings of a source.
type Options struct {
	// Temp is the folder for archives inside of archives while they are read. Such a file has no name after it was
	// created, if the system allows that. Empty means the folder of the system.
	Temp string
}

// Open opens paths: files, folders and patterns such as "chats-*.zip". A pattern is expanded unless a file has
// exactly that name. It returns a NotFound fault for a path that does not exist and for a pattern that matches no
// file, and an Invalid fault for a path that is neither file nor folder.
func Open(o Options, paths ...string) (*Source, error) {
	s := newSource(o)
	for _, path := range paths {
		found, err := expand(path)
		if err != nil {
			return nil, err
		}
		for _, p := range found {
			if err := s.add(p); err != nil {
				return nil, err
			}
		}
	}
	return s, nil
}

// OpenFile returns a source of one open file, such as an upload. name is shown to people.
func OpenFile(o Options, name string, data io.ReaderAt, size int64) *Source {
	s := newSource(o)
	s.bytes = size
	s.top = []top{{file: file{path: showable(name), size: size, stored: size, at: data}}}
	return s
}

// OpenStream returns a source for a stream, such as standard input. An archive is first written to a file without a
// name in the folder for temporary files. Anything else is read while it arrives, so its member can be opened only
// once.
func OpenStream(o Options, name string, data io.Reader) *Source {
	s := newSource(o)
	s.bytes = unknown
	s.top = []top{{file: file{path: showable(name), size: unknown, stored: unknown, stream: newStream(data)}}}
	return s
}

func newSource(o Options) *Source {
	return &Source{limits: defaultLimits, temp: o.Temp, memo: map[string]any{}}
}

const unknown = -1

// expand returns the paths that match a pattern, or the path itself.
func expand(path string) ([]string, error) {
	_, err := os.Lstat(path)
	if err == nil {
		return []string{path}, nil
	}
	if !strings.ContainsAny(path, "*?[") {
		return nil, missing(path, err)
	}
	found, globErr := filepath.Glob(path)
	if globErr != nil || len(found) == 0 {
		return nil, fault.New(fault.NotFound, "no file matches %s", showable(path))
	}
	return found, nil
}

func missing(path string, err error) error {
	return fault.New(fault.NotFound, "%s cannot be opened: %s", showable(path), reason(err))
}

// reason returns what was wrong with a file, without its path.
func reason(err error) string {
	var inner *fs.PathError
	if errorsAs(err, &inner) {
		return inner.Err.Error()
	}
	return err.Error()
}

func (s *Source) add(path string) error {
	info, err := os.Stat(path) // links that the user named are followed
	switch {
	case err != nil:
		return missing(path, err)
	case info.IsDir():
		folder, err := filepath.EvalSymlinks(path)
		if err != nil {
			return missing(path, err)
		}
		size, err := folderSize(folder)
		if err != nil {
			return missing(path, err)
		}
		s.bytes += size
		s.top = append(s.top, top{path: folder, folder: true})
	case info.Mode().IsRegular():
		s.bytes += info.Size()
		s.top = append(s.top, top{path: path, file: onDisk(path, filepath.Base(path), info)})
	default:
		return fault.Invalidf("%s is neither a file nor a folder", showable(path))
	}
	return nil
}

// Size returns the number of bytes that the source has as it is stored, or -1 when it is
// unknown.
func (s *Source) Size() int64 { return s.bytes }

// Members returns the members of the source in a fixed order. The members of an archive take its place. For a member
// that cannot be used, the error is an Invalid fault with the reason, and only its Path is set. An error of the
// context ends the sequence.
//
// A member, and readers of it, may be used until the caller asks for the next member that is in another archive.
func (s *Source) Members(ctx context.Context) iter.Seq2[Member, error] {
	return func(yield func(Member, error) bool) {
		w := walk{ctx: ctx, source: s, yield: yield}
		for _, t := range s.top {
			if !w.top(t) {
				return
			}
		}
	}
}

// showable returns a path as it may be shown: with slashes, as UTF-8 and without control
// characters.
func showable(path string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\\':
			return '/'
		case r < ' ' || r >= 0x7f && r < 0xa0:
			return '\uFFFD'
		}
		return r
	}, strings.ToValidUTF8(path, "\uFFFD"))
}
