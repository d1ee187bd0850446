package container

import (
	"archive/zip"
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"path"
	"slices"

	"github.com/lethe-chat/lethe/internal/fault"
)

// limits are what an archive may have. Real exports have 70,000 members and 6 GB.
type limits struct {
	members     int
	unpacked    int64 // bytes of all members together
	ratio       int64 // of a member's unpacked bytes to its packed ones ...
	ratioFrom   int64 // ... if it has more unpacked bytes than this
	depth       int   // archives around each other
	nestedBytes int64 // of an archive in an archive
}

var defaultLimits = limits{
	members: 1_000_000, unpacked: 1 << 40, ratio: 200, ratioFrom: 64 << 20, depth: 2, nestedBytes: 16 << 30,
}

// isZip reports whether a file is a zip archive, other than a document of an office program
// or a program, which are archives too.
func isZip(magic []byte) bool {
	if bytes.HasPrefix(magic, []byte("PK\x05\x06")) { // has no members
		return true
	}
	if !bytes.HasPrefix(magic, []byte("PK\x03\x04")) || len(magic) < 30 {
		return false
	}
	length := int(binary.LittleEndian.Uint16(magic[26:]))
	first := string(magic[30:min(30+length, len(magic))])
	return first != "[Content_Types].xml" && first != "mimetype" && first != "META-INF/MANIFEST.MF"
}

// archive visits the entries of a zip archive.
func (w *walk) archive(f file, depth int) bool {
	if depth >= w.source.limits.depth {
		return w.refuse(f.path, tooDeep(depth))
	}
	at, entries, stop, err := w.open(f)
	if err != nil {
		return w.refuse(f.path, err)
	}
	defer stop()
	inside := &archive{path: f.path + "/", entries: entries, at: at, share: shareOf(f), limits: w.source.limits}
	if depth == 0 {
		inside.path = w.within(f.path)
	}
	for i, entry := range entries {
		if !entry.Mode().IsRegular() {
			continue // a folder, a link or a device has no text
		}
		member := inside.file(i)
		if !w.file(member, neighbours{inside, member.path}, depth+1) {
			return false
		}
	}
	return true
}

// open reads the directory of an archive and checks it. stop closes what open has opened.
func (w *walk) open(f file) (at io.ReaderAt, entries []*zip.File, stop func(), err error) {
	size := f.size
	at, stop = f.at, func() {}
	switch {
	case f.disk != "":
		in, err := f.open()
		if err != nil {
			return nil, nil, nil, err
		}
		disk, ok := in.(*os.File)
		if !ok {
			return nil, nil, nil, errors.New("a file on disk that is no file")
		}
		at, stop = disk, func() { in.Close() }
	case f.section != nil:
		at = f.section
	case at == nil:
		if at, size, stop, err = w.spool(f); err != nil {
			return nil, nil, nil, err
		}
	}
	r, err := zip.NewReader(at, size)
	if err == nil || errors.Is(err, zip.ErrInsecurePath) { // names are not used as paths
		r.RegisterDecompressor(zip.Deflate, new(inflater).open)
		err = w.source.limits.check(r.File)
	} else {
		err = fault.Wrap(fault.Invalid, err, "the zip archive is damaged or not complete; download it again")
	}
	if err != nil {
		stop()
		return nil, nil, nil, err
	}
	return at, r.File, stop, nil
}

// check refuses archives that are built to exhaust the memory or disk of a reader.
func (l limits) check(entries []*zip.File) error {
	if len(entries) > l.members {
		return fault.Invalidf("the zip archive has %d members; at most %d are read", len(entries), l.members)
	}
	var unpacked uint64
	spans := make([]span, 0, len(entries))
	for _, entry := range entries {
		if unpacked += entry.UncompressedSize64; unpacked > uint64(l.unpacked) || entry.UncompressedSize64 > uint64(l.unpacked) {
			return fault.Invalidf("the zip archive unpacks to more than %d GB", l.unpacked>>30)
		}
		at, err := entry.DataOffset()
		if err != nil {
			return fault.Wrap(fault.Invalid, err, "the zip archive is damaged or not complete; download it again")
		}
		spans = append(spans, span{at, at + int64(entry.CompressedSize64)})
	}
	slices.SortFunc(spans, func(a, b span) int { return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(a.to, b.to)) })
	for i := 1; i < len(spans); i++ {
		if spans[i].from < spans[i-1].to {
			return fault.Invalidf("members of the zip archive overlap; it is not one that a service has made")
		}
	}
	return nil
}

// span is where the data of an entry is in its archive.
type span struct{ from, to int64 }

// refusal returns why an entry is not read, or nil.
func (l limits) refusal(entry *zip.File) error {
	const encrypted = 1
	switch {
	case entry.Flags&encrypted != 0:
		return fault.Invalidf("it is encrypted; unpack the archive with its password and import the folder")
	case entry.Method != zip.Deflate && entry.Method != zip.Store:
		return fault.Invalidf("it is packed by method %d, which is not supported; unpack the archive and import the folder", entry.Method)
	case entry.UncompressedSize64 > uint64(l.ratioFrom) && entry.UncompressedSize64/uint64(l.ratio) > entry.CompressedSize64:
		return fault.Invalidf("it unpacks to more than %d times its size; unpack the archive yourself if that is right", l.ratio)
	}
	return nil
}

// share converts bytes of an archive's members to bytes of the source.
type share struct{ stored, size int64 }

func shareOf(f file) share { return share{f.stored, f.size} }

func (s share) of(n int64) int64 {
	if s.stored < 0 {
		return unknown
	}
	if s.size <= 0 || s.stored == s.size {
		return n
	}
	return int64(float64(n) * float64(s.stored) / float64(s.size))
}

// archive is an open archive as a place to find members in.
type archive struct {
	path    string // before the paths of its members
	at      io.ReaderAt
	entries []*zip.File
	share   share
	limits  limits

	byPath map[string]int // first entry with a path
}

// file returns an entry.
func (a *archive) file(i int) file {
	entry := a.entries[i]
	f := file{
		path: a.shown(entry), size: int64(entry.UncompressedSize64), stored: a.share.of(int64(entry.CompressedSize64)),
		modified: entry.Modified, open: func() (io.ReadCloser, error) { return entry.Open() }, refused: a.limits.refusal(entry),
	}
	if entry.Method == zip.Store && f.refused == nil {
		if at, err := entry.DataOffset(); err == nil {
			f.section = io.NewSectionReader(a.at, at, f.size)
		}
	}
	return f
}

// shown returns the path of an entry, with that of its archive.
func (a *archive) shown(entry *zip.File) string {
	return a.path + path.Clean("/" + showable(entry.Name))[1:]
}

func (a *archive) find(shown string) (file, bool) {
	if a.byPath == nil {
		a.byPath = make(map[string]int, len(a.entries))
		for i, entry := range slices.Backward(a.entries) {
			a.byPath[a.shown(entry)] = i
		}
	}
	i, ok := a.byPath[shown]
	if !ok || !a.entries[i].Mode().IsRegular() {
		return file{}, false
	}
	return a.file(i), true
}

func (a *archive) all() []file {
	var files []file
	for i, entry := range a.entries {
		if entry.Mode().IsRegular() {
			files = append(files, a.file(i))
		}
	}
	return files
}
