package store_test

import (
	"encoding/binary"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/ncruces/go-sqlite3"
	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/store"
	"github.com/lethe-chat/lethe/internal/store/storetest"
)

// fullDisk is a disk that a test can fill. As on a real one, deletes have space again
// after the store has released its reserve.
type fullDisk struct {
	full   atomic.Bool
	errors atomic.Int64 // number of errors so far
}

func (d *fullDisk) write() error {
	if d.full.Load() {
		d.errors.Add(1)
		return &fs.PathError{Op: "write", Path: "lethe.db", Err: syscall.ENOSPC}
	}
	return nil
}

// A full disk is reported as such. The driver interprets the PathError of the operating system as a broken file.
func TestAFullDiskIsTold(t *testing.T) {
	disk := &fullDisk{}
	path := filepath.Join(t.TempDir(), "lethe.db")
	s, err := store.Open(ctx, store.Options{Path: path, BeforeWrite: disk.write, Reserve: 2 << 20})
	require.NoError(t, err)
	defer func() { require.NoError(t, s.Close()) }()
	ws := workspace(t, s, "w")
	id := added(t, s, ws, "x", "text").ID
	disk.full.Store(true)
	err = s.InTx(ctx, func(tx *store.Tx) error { return tx.NamePlatform(ws, "p", "name") })
	require.True(t, fault.Is(err, fault.Unavailable), "%v", err)
	require.Contains(t, fault.Message(err), "the disk of the database is full")
	require.Positive(t, disk.errors.Load())

	disk.full.Store(false)
	require.NoError(t, s.Ping(ctx), "there is room again")
	require.Len(t, remove(t, s, ws, id), 1)
}

// tmpfs mounts a file system of the given size in bytes, or returns false if that is not
// allowed. TestAFullDiskIsTold tests the same with a disk that only reports that it is
// full.
func tmpfs(t *testing.T, size string) (dir string, ok bool) {
	t.Helper()
	dir = t.TempDir()
	if err := mount(dir, size); err != nil {
		t.Logf("no small file system can be mounted here: %v", err)
		return "", false
	}
	t.Cleanup(func() { require.NoError(t, unmount(dir)) })
	return dir, true
}

// openReserving opens the database in a folder like a service, with a reserve for
// deletes.
func openReserving(t *testing.T, dir string) *store.Store {
	t.Helper()
	s, err := store.Open(ctx, store.Options{Path: filepath.Join(dir, "lethe.db"), Reserve: 16 << 20})
	require.NoError(t, err)
	return s
}

// On a full file system uploads are refused with the reason, the store reports that it is
// not healthy, and deletes work, also after a restart. Then there is space, and uploads
// work.
func TestDeletesWorkOnAFullDisk(t *testing.T) {
	dir, ok := tmpfs(t, "24m")
	if !ok {
		return
	}
	open := func() *store.Store { return openReserving(t, dir) }
	s := open()
	ws := workspace(t, s, "w")
	var ids []chat.ConversationID
	fill := func() error {
		for {
			fresh := transcript(t, chat.NewID(), strings.Repeat("words "+chat.NewID()+" ", 400))
			if err := s.InTx(ctx, func(tx *store.Tx) error {
				_, err := tx.CreateConversation(ws, fresh)
				return err
			}); err != nil {
				return err
			}
			ids = append(ids, fresh.ID)
		}
	}
	deleteOne := func() {
		t.Helper()
		removeOnFullDisk(t, s, ws, ids[0])
		ids = ids[1:]
	}
	unhealthy := func() {
		t.Helper()
		err := s.Ping(ctx)
		require.True(t, fault.Is(err, fault.Unavailable), "%v", err)
		require.Contains(t, fault.Message(err), "disk of the database is full")
	}
	for range 2 {
		err := fill()
		require.Contains(t, fault.Message(err), "disk of the database is full", "%v", err)
		unhealthy()
		require.NotEmpty(t, ill(t, s), "the doctor says so")
		deleteOne()

		require.NoError(t, s.Close())
		s = open() // also after a start
		err = fill()
		require.Contains(t, fault.Message(err), "disk of the database is full", "%v", err)
		for range len(ids) / 2 {
			deleteOne()
		}
		_, err = s.Reclaim(ctx, store.Reclaiming{})
		require.NoError(t, err)
		require.NoError(t, s.Ping(ctx), "half of the conversations made room")
	}
	require.NoError(t, s.Close())
}

// Only deletes use the reserve: after a delete has used it, uploads are refused until it
// is filled again, although no health check runs.
func TestTheRoomOfDeletesIsKeptAgain(t *testing.T) {
	dir, ok := tmpfs(t, "24m")
	if !ok {
		return
	}
	open := func() *store.Store { return openReserving(t, dir) }
	s := open()
	ws := workspace(t, s, "w")
	var ids []chat.ConversationID
	fill := func() {
		t.Helper()
		for refused := 0; refused < 3; {
			fresh := transcript(t, chat.NewID(), strings.Repeat("words "+chat.NewID()+" ", 400))
			err := s.InTx(ctx, func(tx *store.Tx) error {
				_, err := tx.CreateConversation(ws, fresh)
				return err
			})
			if err != nil {
				require.Contains(t, fault.Message(err), "disk of the database is full", "%v", err)
				refused++
				continue
			}
			ids = append(ids, fresh.ID)
		}
	}
	deleteSome := func(n int) {
		t.Helper()
		require.Greater(t, len(ids), n)
		require.NoError(t, s.InDeletingTx(ctx, func(tx *store.Tx) error {
			_, _, err := tx.DeleteConversations(ws, ids[:n], chat.DeleteOptions{})
			return err
		}))
		ids = ids[n:]
		_, err := s.Reclaim(ctx, store.Reclaiming{})
		require.NoError(t, err)
	}
	for range 6 {
		fill()
		deleteSome(1)
		fill()
		require.NoError(t, s.Close())
		s = open()
		deleteSome(1)
		deleteSome(20)
	}
	require.NoError(t, s.Close())
}

// The store opens on a disk that others have filled to the last byte since the last stop:
// the reserve is still there. Deletes work, and uploads are refused with the reason.
// A program without a reserve says that the disk is full.
func TestAStartWithoutAByteOfRoom(t *testing.T) {
	dir, ok := tmpfs(t, "40m")
	if !ok {
		return
	}
	s := openReserving(t, dir)
	ws := workspace(t, s, "w")
	ids := []chat.ConversationID{added(t, s, ws, "a", "text").ID, added(t, s, ws, "b", "text").ID}
	require.NoError(t, s.Close())
	fillToTheLastByte(t, dir)

	_, err := store.Open(ctx, store.Options{Path: filepath.Join(dir, "lethe.db"), MustExist: true})
	require.EqualError(t, err, filepath.Join(dir, "lethe.db")+" cannot be opened, because its disk is full; free a few MiB and try again")

	s = openReserving(t, dir)
	removeOnFullDisk(t, s, ws, ids[0])
	require.NoError(t, s.Ping(ctx), "what the reserve has left is reserved again, and some room is free")
	fillToTheLastByte(t, dir)
	for range 8 {
		require.Error(t, s.InTx(ctx, func(tx *store.Tx) error { return tx.NamePlatform(ws, "p", "name") }))
	}
	removeOnFullDisk(t, s, ws, ids[1])
	fillToTheLastByte(t, dir)
	require.Error(t, s.Ping(ctx))
	err = s.InTx(ctx, func(tx *store.Tx) error { return tx.NamePlatform(ws, "p", "name") })
	require.Contains(t, fault.Message(err), "the disk of the database is full")
	require.NoError(t, s.Close())
}

// A new database on such a disk cannot be made, and the error says why.
func TestANewDatabaseWithoutAByteOfRoom(t *testing.T) {
	dir, ok := tmpfs(t, "2m")
	if !ok {
		return
	}
	fillToTheLastByte(t, dir)
	path := filepath.Join(dir, "lethe.db")
	_, err := store.Open(ctx, store.Options{Path: path, Reserve: 16 << 20})
	require.True(t, fault.Is(err, fault.Unavailable), "%v", err)
	require.EqualError(t, err, path+" cannot be opened, because its disk is full; free a few MiB and try again")
}

// removeOnFullDisk deletes one conversation as history does.
func removeOnFullDisk(t *testing.T, s *store.Store, ws chat.WorkspaceID, id chat.ConversationID) {
	t.Helper()
	var deleted []chat.ConversationID
	require.NoError(t, s.InDeletingTx(ctx, func(tx *store.Tx) (err error) {
		deleted, _, err = tx.DeleteConversations(ws, []chat.ConversationID{id}, chat.DeleteOptions{})
		return err
	}))
	require.Equal(t, []chat.ConversationID{id}, deleted)
}

// fillToTheLastByte writes a file that uses all the free space of a disk.
func fillToTheLastByte(t *testing.T, dir string) {
	t.Helper()
	file, err := os.CreateTemp(dir, "filler-*")
	require.NoError(t, err)
	defer file.Close()
	page := make([]byte, 4<<10)
	for err == nil {
		_, err = file.Write(page)
	}
	require.ErrorIs(t, err, syscall.ENOSPC)
}

// Only a program that may create a database does so. Other programs report that there is none, and create nothing.
func TestOnlyWhoBeginsMakesADatabase(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "mistyped")
	o := store.Options{Path: filepath.Join(dir, "lethe.db"), MustExist: true}
	_, err := store.Open(ctx, o)
	require.True(t, fault.Is(err, fault.NotFound), "%v", err)
	require.Contains(t, fault.Message(err), "there is no database at "+o.Path)
	require.NoDirExists(t, dir)

	require.NoError(t, os.MkdirAll(dir, 0o700))
	o.MustExist = false
	s, err := store.Open(ctx, o)
	require.NoError(t, err)
	require.NoError(t, s.Close())
	o.MustExist = true
	s, err = store.Open(ctx, o)
	require.NoError(t, err)
	require.NoError(t, s.Close())
}

// A file without tables is not a database either. A program that must not create one says so without an SQL error,
// and leaves the file as it is. The service creates the tables.
func TestAFileWithoutTablesIsNoDatabase(t *testing.T) {
	for name, prepare := range map[string]func(path string){
		"empty":          func(path string) { require.NoError(t, os.WriteFile(path, nil, 0o600)) },
		"tables removed": func(path string) { plainFile(t, path, "CREATE TABLE notes (text)", "DROP TABLE notes") },
	} {
		t.Run(name, func(t *testing.T) {
			o := store.Options{Path: filepath.Join(t.TempDir(), "lethe.db"), MustExist: true}
			prepare(o.Path)
			before, err := os.ReadFile(o.Path)
			require.NoError(t, err)
			_, err = store.Open(ctx, o)
			require.True(t, fault.Is(err, fault.NotFound), "%v", err)
			require.EqualError(t, err, "the database "+o.Path+" is empty; `lethe serve` makes its tables, LETHE_DATA_DIR names another directory")
			after, err := os.ReadFile(o.Path)
			require.NoError(t, err)
			require.Equal(t, before, after)
			require.Equal(t, []string{"lethe.db"}, names(t, filepath.Dir(o.Path)))

			o.MustExist = false
			s, err := store.Open(ctx, o)
			require.NoError(t, err)
			require.NoError(t, s.Close())
		})
	}
}

// The same for a database without tables that Lethe has opened before, or that is on a server.
func TestADatabaseWithoutTablesSaysSo(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		o := emptied(t, db)
		if db.Kind == storetest.SQLite {
			plainFile(t, o.Path, "PRAGMA application_id = 0x4c657468")
		}
		o.MustExist = true
		_, err := store.Open(ctx, o)
		require.True(t, fault.Is(err, fault.NotFound), "%v", err)
		require.EqualError(t, err, "the database has no tables of Lethe; `lethe serve` makes them, LETHE_DATA_DIR or LETHE_DATABASE_URL names another database")
	})
}

// An SQLite file of another program is not changed.
func TestAForeignFileIsRefused(t *testing.T) {
	for name, statements := range map[string][]string{
		"other tables":               {"CREATE TABLE notes (text)"},
		"another application's id":   {"PRAGMA application_id = 1234", "CREATE TABLE notes (text)"},
		"another, with our tables":   {"PRAGMA application_id = 1234", "CREATE TABLE conversations (id)", "CREATE TABLE schema_migrations (id)"},
		"one table of the same name": {"CREATE TABLE conversations (id)"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "lethe.db")
			plainFile(t, path, statements...)
			before, err := os.ReadFile(path)
			require.NoError(t, err)
			_, err = store.Open(ctx, store.Options{Path: path})
			require.True(t, fault.Is(err, fault.Conflict), "%v", err)
			require.Contains(t, fault.Message(err), "another program")
			after, err := os.ReadFile(path)
			require.NoError(t, err)
			require.Equal(t, before, after)
			require.Equal(t, []string{"lethe.db"}, names(t, filepath.Dir(path)))
		})
	}
}

// Lethe's files have its application id, including those from older versions.
func TestTheFileIsMarked(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lethe.db")
	mark := func() uint32 {
		file, err := os.ReadFile(path)
		require.NoError(t, err)
		return binary.BigEndian.Uint32(file[68:])
	}
	s, err := store.Open(ctx, store.Options{Path: path})
	require.NoError(t, err)
	require.NoError(t, s.Close())
	require.Equal(t, "Leth", string(binary.BigEndian.AppendUint32(nil, mark())))
	plainFile(t, path, "PRAGMA application_id = 0")
	require.Zero(t, mark())
	s, err = store.Open(ctx, store.Options{Path: path})
	require.NoError(t, err)
	require.NoError(t, s.Close())
	require.NotZero(t, mark())
}

// A file that others may read is made private, also behind a link. The log files are
// beside the real file.
func TestFilesAreMadePrivate(t *testing.T) {
	dir, target := t.TempDir(), t.TempDir()
	path := filepath.Join(target, "real.db")
	s, err := store.Open(ctx, store.Options{Path: path})
	require.NoError(t, err)
	require.NoError(t, s.Close())
	require.NoError(t, os.Chmod(path, 0o644)) //nolint:gosec // this is repaired
	link := filepath.Join(dir, "lethe.db")
	require.NoError(t, os.Symlink(path, link))
	s, err = store.Open(ctx, store.Options{Path: link})
	require.NoError(t, err)
	defer func() { require.NoError(t, s.Close()) }()
	added(t, s, workspace(t, s, "w"), "x", "text")
	require.Equal(t, []string{"lethe.db"}, names(t, dir))
	require.ElementsMatch(t, []string{"real.db", "real.db-shm", "real.db-wal"}, names(t, target))
	for _, name := range names(t, target) {
		info, err := os.Stat(filepath.Join(target, name))
		require.NoError(t, err)
		require.Equal(t, fs.FileMode(0o600), info.Mode().Perm(), name)
	}
}

// A file that was removed or replaced while the program runs is reported, and not created
// again.
func TestAFileThatIsRemovedIsTold(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "lethe.db")
	s, err := store.Open(ctx, store.Options{Path: path})
	require.NoError(t, err)
	defer func() { _ = s.Close() }() // its files are missing
	require.NoError(t, s.Ping(ctx))
	for _, name := range names(t, dir) {
		require.NoError(t, os.Remove(filepath.Join(dir, name)))
	}
	err = s.Ping(ctx)
	require.True(t, fault.Is(err, fault.Unavailable), "%v", err)
	require.Contains(t, fault.Message(err), "was removed while the service runs")
	require.NoError(t, os.WriteFile(path, nil, 0o600))
	err = s.Ping(ctx)
	require.Contains(t, fault.Message(err), "was replaced while the service runs")
}

// plainFile runs statements on an SQLite file without Lethe, and closes it.
func plainFile(t *testing.T, path string, statements ...string) {
	t.Helper()
	conn, err := sqlite3.Open(path)
	require.NoError(t, err)
	for _, statement := range statements {
		require.NoError(t, conn.Exec(statement))
	}
	require.NoError(t, conn.Close())
}
