package book_test

import (
	"context"
	"encoding/binary"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/ledger/book"
	"github.com/lethe-chat/lethe/internal/store/storetest"
)

var (
	id    = [book.IDSize]byte{1, 2, 3}
	owner = [book.OwnerSize]byte{4, 5, 6}
	day   = time.Date(2026, 3, 1, 12, 0, 0, 1000, time.UTC)
)

// each runs a test on a ledger in a file and on one in a database. Each call of open is another
// program.
func each(t *testing.T, test func(t *testing.T, open func() book.Book)) {
	t.Helper()
	places := map[string]func(t *testing.T) string{"file": func(t *testing.T) string { return filepath.Join(t.TempDir(), "new", "ledger") }}
	if slices.Contains(storetest.Kinds(t), storetest.Postgres) {
		places["postgres"] = func(t *testing.T) string { return storetest.New(t, storetest.Postgres).Options().URL }
	}
	for name, place := range places {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			at := place(t)
			test(t, func() book.Book { return open(t, at) })
		})
	}
}

func open(t *testing.T, place string) book.Book {
	t.Helper()
	b, err := book.Open(place)
	require.NoError(t, err)
	t.Cleanup(b.Close)
	return b
}

func in(t *testing.T, b book.Book, fn func(s book.Session)) {
	t.Helper()
	require.NoError(t, b.Exclusively(t.Context(), func(s book.Session) error { fn(s); return nil }))
}

func records(from, n int) []book.Record {
	list := make([]book.Record, n)
	for i := range list {
		list[i] = book.Record{At: day.Add(time.Duration(from+i) * time.Hour), Kind: uint8(1 + i%3)}
		binary.BigEndian.PutUint64(list[i].Hash[:], uint64(from+i))
	}
	return list
}

func appendTo(t *testing.T, b book.Book, list ...book.Record) (last uint64) {
	t.Helper()
	in(t, b, func(s book.Session) {
		var err error
		last, err = s.Append(list)
		require.NoError(t, err)
	})
	return last
}

func read(t *testing.T, b book.Book, after uint64) (list []book.Record, positions []uint64) {
	t.Helper()
	in(t, b, func(s book.Session) {
		require.NoError(t, s.After(after, func(at uint64, r book.Record) error {
			list, positions = append(list, r), append(positions, at)
			return nil
		}))
	})
	return list, positions
}

func head(t *testing.T, b book.Book) (h book.Head) {
	t.Helper()
	in(t, b, func(s book.Session) {
		var found bool
		var err error
		h, found, err = s.Head()
		require.NoError(t, err)
		require.True(t, found)
	})
	return h
}

func TestRecordsAreKept(t *testing.T) {
	each(t, func(t *testing.T, open func() book.Book) {
		one, other := open(), open()
		in(t, one, func(s book.Session) {
			_, found, err := s.Head()
			require.NoError(t, err)
			require.False(t, found)
			_, err = s.Append(records(0, 1))
			require.True(t, fault.Is(err, fault.NotFound), "%v", err)
			require.NoError(t, s.Create(id, owner))
			require.True(t, fault.Is(s.Create(id, owner), fault.Conflict))
		})
		require.Equal(t, book.Head{ID: id, Owner: owner, First: 1}, head(t, other))
		all := records(0, 7)
		require.EqualValues(t, 3, appendTo(t, one, all[:3]...))
		require.EqualValues(t, 3, appendTo(t, one))
		require.EqualValues(t, 7, appendTo(t, other, all[3:]...), "another program goes on where the first has stopped")
		got, positions := read(t, one, 0)
		require.Equal(t, all, got)
		require.Equal(t, []uint64{1, 2, 3, 4, 5, 6, 7}, positions)
		got, _ = read(t, open(), 4)
		require.Equal(t, all[4:], got)
		require.Equal(t, book.Head{ID: id, Owner: owner, First: 1, Last: 7}, head(t, one))
	})
}

func TestOldRecordsAreRemoved(t *testing.T) {
	each(t, func(t *testing.T, open func() book.Book) {
		one, other := open(), open()
		in(t, one, func(s book.Session) { require.NoError(t, s.Create(id, owner)) })
		all := records(0, 7)
		all[5].At = day // a clock was wrong: positions count, and nothing behind a newer record is removed
		appendTo(t, one, all...)
		head(t, other)
		prune := func(before time.Time, want int) {
			in(t, one, func(s book.Session) {
				n, err := s.Prune(before)
				require.NoError(t, err)
				require.Equal(t, want, n)
			})
		}
		prune(day, 0)
		prune(day.Add(3*time.Hour), 3)
		prune(day.Add(3*time.Hour), 0)
		require.Equal(t, book.Head{ID: id, Owner: owner, First: 4, Last: 7}, head(t, other))
		got, positions := read(t, other, 0)
		require.Equal(t, all[3:], got)
		require.EqualValues(t, 4, positions[0])
		require.EqualValues(t, 8, appendTo(t, other, records(7, 1)...))
		prune(day.Add(1000*time.Hour), 5)
		require.Equal(t, book.Head{ID: id, Owner: owner, First: 9, Last: 8}, head(t, other))
		require.EqualValues(t, 9, appendTo(t, other, records(8, 1)...))
	})
}

// Several programs append at the same time: no record is lost, and each has its own position.
func TestProgramsTakeTurns(t *testing.T) {
	each(t, func(t *testing.T, open func() book.Book) {
		first := open()
		in(t, first, func(s book.Session) { require.NoError(t, s.Create(id, owner)) })
		var working sync.WaitGroup
		for program := range 4 {
			b := open()
			for caller := range 2 {
				working.Go(func() {
					for i := range 5 {
						_ = b.Exclusively(t.Context(), func(s book.Session) error {
							_, err := s.Append(records(program*1000+caller*100+i*10, 3))
							return err
						})
					}
				})
			}
		}
		working.Wait()
		got, positions := read(t, first, 0)
		require.Len(t, got, 120)
		for i, at := range positions {
			require.EqualValues(t, i+1, at)
		}
	})
}

func TestWaitingForATurnEndsWithTheContext(t *testing.T) {
	each(t, func(t *testing.T, open func() book.Book) {
		one, other := open(), open()
		in(t, one, func(book.Session) {
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			defer cancel()
			err := other.Exclusively(ctx, func(book.Session) error { panic("two turns at the same time") })
			require.True(t, fault.Is(err, fault.Unavailable), "%v", err)
		})
		in(t, other, func(book.Session) {})
	})
}

// A machine that stops while it writes leaves a part of the last append. It was not acknowledged,
// and is cut off, wherever it ends and whichever of its bytes are missing.
func TestATornAppendIsCutOff(t *testing.T) {
	place := filepath.Join(t.TempDir(), "ledger")
	b := open(t, place)
	in(t, b, func(s book.Session) { require.NoError(t, s.Create(id, owner)) })
	all := records(0, 5)
	appendTo(t, b, all[:3]...)
	whole, err := os.ReadFile(place)
	require.NoError(t, err)
	appendTo(t, b, all[3:]...)
	longer, err := os.ReadFile(place)
	require.NoError(t, err)
	check := func(content []byte) {
		require.NoError(t, os.WriteFile(place, content, 0o600))
		fresh := open(t, place)
		got, _ := read(t, fresh, 0)
		require.Equal(t, all[:3], got)
		require.EqualValues(t, 5, appendTo(t, fresh, all[3:]...))
		got, _ = read(t, open(t, place), 0)
		require.Equal(t, all, got)
	}
	for end := len(whole); end < len(longer); end++ {
		check(longer[:end])
		damaged := slices.Clone(longer) // a page that did not reach the disk before the others
		damaged[end] ^= 0xff
		check(damaged)
	}
}

// A damage in the middle is reported. Nothing is cut off, because the records behind it are good.
func TestDamageIsReported(t *testing.T) {
	place := filepath.Join(t.TempDir(), "ledger")
	b := open(t, place)
	in(t, b, func(s book.Session) { require.NoError(t, s.Create(id, owner)) })
	appendTo(t, b, records(0, 3)...)
	info, err := os.Stat(place)
	require.NoError(t, err)
	if runtime.GOOS != "windows" {
		require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	}
	appendTo(t, b, records(3, 3)...)
	content, err := os.ReadFile(place)
	require.NoError(t, err)
	for at, kind := range map[int]fault.Kind{3: fault.Conflict, 30: fault.Conflict, int(info.Size()) - 1: fault.Internal} {
		damaged := slices.Clone(content)
		damaged[at] ^= 1
		require.NoError(t, os.WriteFile(place, damaged, 0o600))
		err := open(t, place).Exclusively(t.Context(), func(s book.Session) error {
			_, err := s.Append(records(6, 1))
			return err
		})
		require.True(t, fault.Is(err, kind), "byte %d: %v", at, err)
		left, err := os.ReadFile(place)
		require.NoError(t, err)
		require.Equal(t, damaged, left)
	}
}

func FuzzReadingAnyFile(f *testing.F) {
	place := filepath.Join(f.TempDir(), "ledger")
	b, err := book.Open(place)
	require.NoError(f, err)
	require.NoError(f, b.Exclusively(f.Context(), func(s book.Session) error {
		if err := s.Create(id, owner); err != nil {
			return err
		}
		_, err := s.Append(records(0, 2))
		return err
	}))
	good, err := os.ReadFile(place)
	require.NoError(f, err)
	f.Add(good)
	f.Add(good[:90])
	f.Fuzz(func(t *testing.T, content []byte) {
		place := filepath.Join(t.TempDir(), "ledger")
		require.NoError(t, os.WriteFile(place, content, 0o600))
		b := open(t, place)
		_ = b.Exclusively(t.Context(), func(s book.Session) error {
			h, found, err := s.Head()
			if err != nil || !found {
				return err
			}
			n := 0
			require.NoError(t, s.After(0, func(uint64, book.Record) error { n++; return nil }))
			require.EqualValues(t, h.Last+1-h.First, n)
			return nil
		})
	})
}
