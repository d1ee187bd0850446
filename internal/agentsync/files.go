package agentsync

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/lethe-chat/lethe/internal/exports/format"
)

// sessionFile is a session on disk.
type sessionFile struct {
	agent *Agent
	path  string
	size  int64
	time  int64 // time of its last change, in nanoseconds since 1970
}

// log is the suffix of the log that SQLite writes beside a database. The latest sessions of OpenCode are there, so
// the database and its log count as one file.
const log = "-wal"

// scan visits the folders of the agents and returns the folders, and the sessions by path.
func scan(agents []Agent) (files map[string]sessionFile, folders []string) {
	files = map[string]sessionFile{}
	for i := range agents {
		a := &agents[i]
		for _, root := range a.Roots {
			walk(root, func(dir string) { folders = append(folders, dir) }, func(name string, info fs.FileInfo) {
				if a.session(name) {
					files[name] = describe(a, name, info)
				}
			})
		}
	}
	return files, folders
}

// describe returns the current state of a file.
func describe(a *Agent, name string, info fs.FileInfo) sessionFile {
	f := sessionFile{agent: a, path: name, size: info.Size(), time: info.ModTime().UnixNano()}
	if written, err := os.Stat(name + log); err == nil {
		f.size += written.Size()
		f.time = max(f.time, written.ModTime().UnixNano())
	}
	return f
}

// look returns a file that may have changed. It returns false when the file is not a session or was deleted.
func look(agents []Agent, name string) (sessionFile, bool) {
	name = strings.TrimSuffix(name, log)
	for i := range agents {
		a := &agents[i]
		for _, root := range a.Roots {
			if rel, err := filepath.Rel(root, name); err != nil || !filepath.IsLocal(rel) || !a.session(name) {
				continue
			}
			info, err := os.Lstat(name)
			if err != nil || !info.Mode().IsRegular() {
				return sessionFile{}, false
			}
			return describe(a, name, info), true
		}
	}
	return sessionFile{}, false
}

// unchanged reports whether a file has not changed since it was read.
func (e entry) unchanged(f sessionFile) bool { return e.Size == f.size && e.Time == f.time }

// source is the files of the agents while they are read, for readers that need the files beside the one they read.
type source struct {
	files map[string]sessionFile
	memo  map[string]any
}

// member returns a file as a member. Its path is relative to the agent's folder.
func (s *source) member(f sessionFile) format.Member {
	return format.Member{
		Path: shown(f), Size: f.size, Modified: time.Unix(0, f.time), File: f.path,
		Open: func() (io.ReadCloser, error) { return os.Open(f.path) },
		Sibling: func(to string) (format.Member, bool) {
			name := filepath.Join(filepath.Dir(f.path), filepath.FromSlash(to))
			info, err := os.Lstat(name)
			if err != nil || !info.Mode().IsRegular() || rootOf(f.agent, name) == "" {
				return format.Member{}, false
			}
			return s.member(describe(f.agent, name, info)), true
		},
		All: func() []format.Member { return s.of(f.agent) },
		Memo: func(key string, create func() any) any {
			value, ok := s.memo[key]
			if !ok {
				value = create()
				s.memo[key] = value
			}
			return value
		},
	}
}

// of returns the files of an agent, ordered by path.
func (s *source) of(a *Agent) (all []format.Member) {
	for _, name := range slices.Sorted(maps.Keys(s.files)) {
		if f := s.files[name]; f.agent.Name == a.Name {
			all = append(all, s.member(f))
		}
	}
	return all
}

// rootOf returns the agent's folder that contains a file, or "".
func rootOf(a *Agent, name string) string {
	for _, root := range a.Roots {
		if rel, err := filepath.Rel(root, name); err == nil && filepath.IsLocal(rel) {
			return root
		}
	}
	return ""
}

// shown returns the path of a file relative to the agent's folder, with slashes.
func shown(f sessionFile) string {
	root := rootOf(f.agent, f.path)
	rel, err := filepath.Rel(root, f.path)
	if err != nil {
		return filepath.ToSlash(f.path)
	}
	return path.Join(filepath.ToSlash(filepath.Base(root)), filepath.ToSlash(rel))
}

// hashed is how many bytes are hashed at the beginning of a file and before a mark, to find out whether the part
// before the mark is unchanged.
const hashed = 64 << 10

// hashBefore returns a hash of the part of a file before an offset. An error means that the file is shorter, or
// cannot be read.
func hashBefore(name string, offset int64) (_ string, err error) {
	if offset == 0 {
		return "", nil
	}
	file, err := os.Open(name)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	h := sha256.New()
	for _, part := range [][2]int64{{0, min(hashed, offset)}, {max(0, offset-hashed), offset}} {
		n, err := io.Copy(h, io.NewSectionReader(file, part[0], part[1]-part[0]))
		if err != nil {
			return "", err
		}
		if n != part[1]-part[0] {
			return "", io.ErrUnexpectedEOF
		}
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// resume returns where to continue reading a file: at its mark if the part before it is unchanged, else at the
// beginning.
func (e entry) resume(name string) format.Mark {
	if e.Mark.Offset == 0 {
		return e.Mark // the reader itself notices a different database
	}
	before, err := hashBefore(name, e.Mark.Offset)
	if err != nil || before != e.Before {
		return format.Mark{}
	}
	return e.Mark
}
