package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"time"

	"github.com/pressly/goose/v3"

	"github.com/lethe-chat/lethe/internal/fault"
)

//go:embed migrations
var migrations embed.FS

// migrationTries and migrationPause let two programs start on one new file: the
// slower one finds the tables made, and looks again.
const (
	migrationTries = 20
	migrationPause = 100 * time.Millisecond
)

// migrate brings the schema up to date, and refuses one that a newer program made.
func (s *Store) migrate(ctx context.Context) error {
	pool, err := s.write.DB()
	if err != nil {
		return s.fault(err)
	}
	provider, err := s.provider(pool)
	if err != nil {
		return fault.Wrap(fault.Internal, err, "the migrations cannot be read")
	}
	for try := 1; ; try++ {
		err := upgrade(ctx, provider)
		if err == nil || fault.Is(err, fault.Conflict) {
			return err
		}
		if s.dialect.migrationLock() != nil || try == migrationTries || ctx.Err() != nil {
			if known := s.dialect.fault(err); known != nil {
				return known
			}
			return fault.Wrap(fault.Unavailable, err, "the database schema cannot be brought up to date")
		}
		select {
		case <-ctx.Done():
		case <-time.After(migrationPause):
		}
	}
}

func (s *Store) provider(pool *sql.DB) (*goose.Provider, error) {
	dir, err := fs.Sub(migrations, "migrations/"+s.Name())
	if err != nil {
		return nil, err
	}
	return newProvider(s.dialect, pool, dir)
}

// newProvider prepares the migrations of a folder. Where the database has locks
// that last as long as a connection, one program at a time migrates.
func newProvider(d dialect, pool *sql.DB, dir fs.FS) (*goose.Provider, error) {
	options := []goose.ProviderOption{goose.WithTableName("schema_migrations")}
	if lock := d.migrationLock(); lock != nil {
		options = append(options, goose.WithSessionLocker(lock))
	}
	return goose.NewProvider(gooseDialects[d.name()], pool, dir, options...)
}

var gooseDialects = map[string]goose.Dialect{"sqlite": goose.DialectSQLite3, "postgres": goose.DialectPostgres}

func upgrade(ctx context.Context, provider *goose.Provider) error {
	have, known, err := provider.GetVersions(ctx)
	if err != nil {
		return err
	}
	if have > known {
		return fault.New(fault.Conflict, "the database has schema version %d, this program knows up to %d: "+
			"a newer Lethe has used it; start that version or a later one", have, known)
	}
	if _, err := provider.Up(ctx); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	return nil
}

// SchemaVersion is the newest migration that the database has.
func (s *Store) SchemaVersion(ctx context.Context) (int64, error) {
	pool, err := s.write.DB()
	if err != nil {
		return 0, s.fault(err)
	}
	provider, err := s.provider(pool)
	if err != nil {
		return 0, s.fault(err)
	}
	version, err := provider.GetDBVersion(ctx)
	return version, s.fault(err)
}

// SchemaFingerprint names the schema that this program makes on a kind of
// database: it differs when any migration does.
func SchemaFingerprint(kind string) string {
	hash := sha256.New()
	_ = fs.WalkDir(migrations, "migrations/"+kind, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := migrations.ReadFile(path)
		fmt.Fprintf(hash, "%s %d\n%s", path, len(content), content)
		return err
	}) // embedded files always read
	return hex.EncodeToString(hash.Sum(nil)[:8])
}
