package book

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/gofrs/flock"

	"github.com/lethe-chat/lethe/internal/fault"
)

// file is a ledger in a file. A second file beside it is locked while the ledger is used, because
// Prune replaces the ledger's file.
type file struct {
	path string
	turn sync.Mutex // flock distinguishes programs, not callers in one program
	lock *flock.Flock

	known state // what the last session in this program has left
}

// state is what a program knows of the file, so that it need not read all of it each time.
type state struct {
	info fs.FileInfo // of the file as it was then; nil when nothing is known
	head Head
}

const (
	fileMode = 0o600
	lockPoll = 5 * time.Millisecond // how often a locked ledger is tried again
)

func openFile(path string) *file {
	return &file{path: path, lock: flock.New(path+".lock", flock.SetPermissions(fileMode))}
}

// Place is the path.
func (f *file) Place() string { return f.path }

// Close closes the file that is locked.
func (f *file) Close() { _ = f.lock.Close() } // nothing was written to it

// Exclusively opens the file for a session.
func (f *file) Exclusively(ctx context.Context, fn func(Session) error) (err error) {
	f.turn.Lock()
	defer f.turn.Unlock()
	if err := os.MkdirAll(filepath.Dir(f.path), 0o700); err != nil {
		return unavailable(f.path, err)
	}
	if locked, err := f.lock.TryLockContext(ctx, lockPoll); err != nil || !locked {
		return unavailable(f.path, errors.Join(err, ctx.Err()))
	}
	defer func() { err = errors.Join(err, f.lock.Unlock()) }()
	s := &fileSession{file: f, ctx: ctx}
	defer s.close()
	return fn(s)
}

// fileSession is one turn at the file.
type fileSession struct {
	file   *file
	ctx    context.Context //nolint:containedctx // of the call that the session lives in
	opened *os.File        // nil until it is needed
}

func (s *fileSession) close() {
	if s.opened != nil {
		_ = s.opened.Close() // Append has synced what was written
		s.opened = nil
	}
}

// open opens the file; false when there is none.
func (s *fileSession) open() (bool, error) {
	if s.opened != nil {
		return true, nil
	}
	opened, err := os.OpenFile(s.file.path, os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, unavailable(s.file.path, err)
	}
	s.opened = opened
	return true, nil
}

// Head reads the whole file when somebody else has changed it since the last session, and cuts
// off a frame that was not written completely.
func (s *fileSession) Head() (Head, bool, error) {
	found, err := s.open()
	if err != nil || !found {
		return Head{}, false, err
	}
	info, err := s.opened.Stat()
	if err != nil {
		return Head{}, false, unavailable(s.file.path, err)
	}
	if k := s.file.known; k.info != nil && os.SameFile(k.info, info) && k.info.Size() == info.Size() && k.info.ModTime().Equal(info.ModTime()) {
		return k.head, true, nil
	}
	head, end, err := s.scan(nil)
	if err != nil {
		return Head{}, false, err
	}
	if end < info.Size() {
		if err := s.mend(end); err != nil {
			return Head{}, false, err
		}
	}
	return head, true, s.learn(head)
}

// learn remembers the state of the file for the next session.
func (s *fileSession) learn(head Head) error {
	info, err := s.opened.Stat()
	if err != nil {
		return unavailable(s.file.path, err)
	}
	s.file.known = state{info: info, head: head}
	return nil
}

// scan reads the file from the beginning. It returns where the last valid frame ends. each may
// be nil.
func (s *fileSession) scan(each func(position uint64, r Record) error) (head Head, end int64, err error) {
	if _, err := s.opened.Seek(0, io.SeekStart); err != nil {
		return head, 0, unavailable(s.file.path, err)
	}
	in := bufio.NewReaderSize(s.opened, frameHead+MaxBatch*recordSize)
	start := make([]byte, headerSize)
	if _, err := io.ReadFull(in, start); err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		return head, 0, unavailable(s.file.path, err)
	}
	h, ok := decodeHeader(start)
	if !ok {
		return head, 0, fault.New(fault.Conflict, "%s is not a ledger of Lethe, or its beginning is damaged; it was left as it is", s.file.path)
	}
	head = Head{ID: h.id, Owner: h.owner, First: h.base + 1, Last: h.base}
	end = int64(headerSize)
	for {
		if err := s.ctx.Err(); err != nil {
			return head, 0, unavailable(s.file.path, err)
		}
		ahead, err := in.Peek(frameHead + MaxBatch*recordSize)
		if err != nil && !errors.Is(err, io.EOF) {
			return head, 0, unavailable(s.file.path, err)
		}
		first, records, size := decodeFrame(ahead)
		if size == 0 || first != head.Last+1 {
			return head, end, nil
		}
		if each != nil {
			for i, r := range records {
				if err := each(first+uint64(i), r); err != nil { //nolint:gosec // counts records
					return head, end, err
				}
			}
		}
		_, _ = in.Discard(size) // these bytes are in the buffer
		head.Last += uint64(len(records))
		end += int64(size)
	}
}

// mend cuts off what follows the last valid frame. A program or machine that stopped in the middle
// of Append leaves such bytes, and none of their records was acknowledged. It is damage when a valid
// frame follows.
func (s *fileSession) mend(end int64) error {
	if _, err := s.opened.Seek(end, io.SeekStart); err != nil {
		return unavailable(s.file.path, err)
	}
	rest, err := io.ReadAll(s.opened)
	if err != nil {
		return unavailable(s.file.path, err)
	}
	for at := 0; ; at++ {
		next := bytes.Index(rest[at:], []byte(frameMagic))
		if next < 0 {
			break
		}
		at += next
		if _, _, size := decodeFrame(rest[at:]); size > 0 {
			return errDamaged(s.file.path, fmt.Sprintf("what follows byte %d cannot be read, and valid records follow later", end))
		}
	}
	if err := s.opened.Truncate(end); err != nil {
		return unavailable(s.file.path, err)
	}
	return s.sync()
}

func (s *fileSession) sync() error {
	if err := s.opened.Sync(); err != nil {
		return unavailable(s.file.path, err)
	}
	return nil
}

// Create makes the file, which only this user can read.
func (s *fileSession) Create(id [IDSize]byte, owner [OwnerSize]byte) error {
	if found, err := s.open(); err != nil || found {
		return errors.Join(err, errExists(s.file.path))
	}
	h := header{id: id, owner: owner}
	if err := s.replace(h.encode()); err != nil {
		return err
	}
	return s.learn(Head{ID: id, Owner: owner, First: 1})
}

// replace writes a new file in place of the old one, so that a reader sees one of them whole.
func (s *fileSession) replace(content []byte) error {
	s.close()
	fresh, err := os.CreateTemp(filepath.Dir(s.file.path), "."+filepath.Base(s.file.path)+"-*") // mode 0600
	if err != nil {
		return unavailable(s.file.path, err)
	}
	_, err = fresh.Write(content)
	if err = errors.Join(err, fresh.Sync(), fresh.Close()); err == nil {
		err = os.Rename(fresh.Name(), s.file.path)
	}
	if err != nil {
		return unavailable(s.file.path, errors.Join(err, os.Remove(fresh.Name())))
	}
	if err := syncFolder(filepath.Dir(s.file.path)); err != nil {
		return unavailable(s.file.path, err)
	}
	_, err = s.open()
	return err
}

// After reads the file from the beginning, because frames have different sizes.
func (s *fileSession) After(position uint64, each func(uint64, Record) error) error {
	if found, err := s.open(); err != nil || !found {
		return err
	}
	_, _, err := s.scan(func(at uint64, r Record) error {
		if at <= position {
			return nil
		}
		return each(at, r)
	})
	return err
}

// Append writes one frame with all records.
func (s *fileSession) Append(records []Record) (uint64, error) {
	head, found, err := s.Head()
	switch {
	case err != nil:
		return 0, err
	case !found:
		return 0, fault.NotFoundf("the ledger %s does not exist", s.file.path)
	case len(records) == 0:
		return head.Last, nil
	}
	if _, err := s.opened.Seek(0, io.SeekEnd); err != nil {
		return 0, unavailable(s.file.path, err)
	}
	s.file.known = state{} // until everything is on the disk
	if _, err := s.opened.Write(encodeFrame(head.Last+1, records)); err != nil {
		return 0, unavailable(s.file.path, err)
	}
	if err := s.sync(); err != nil {
		return 0, err
	}
	head.Last += uint64(len(records))
	return head.Last, s.learn(head)
}

// Prune writes the records that are kept into a new file.
func (s *fileSession) Prune(before time.Time) (int, error) {
	head, found, err := s.Head()
	if err != nil || !found {
		return 0, err
	}
	var kept []Record
	dropped := 0
	err = s.After(0, func(_ uint64, r Record) error {
		if len(kept) == 0 && r.At.Before(before) {
			dropped++
			return nil
		}
		kept = append(kept, r)
		return nil
	})
	if err != nil || dropped == 0 {
		return 0, err
	}
	first := head.First + uint64(dropped)
	content := header{id: head.ID, owner: head.Owner, base: first - 1}.encode()
	for from := 0; from < len(kept); from += MaxBatch {
		batch := kept[from:min(from+MaxBatch, len(kept))]
		content = append(content, encodeFrame(first+uint64(from), batch)...) //nolint:gosec // counts records
	}
	s.file.known = state{}
	if err := s.replace(content); err != nil {
		return 0, err
	}
	head.First = first
	return dropped, s.learn(head)
}
