package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"time"

	"github.com/pressly/goose/v3"

	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/store/dialect"
	"github.com/lethe-chat/lethe/internal/store/postgres"
	"github.com/lethe-chat/lethe/internal/store/sqlite"
)

// migrationTries and migrationPause let two programs start on one new file: the slower one fails because the tables
// exist, and tries again.
const (
	migrationTries = 20
	migrationPause = 100 * time.Millisecond
)

// migrate brings the schema up to date. It refuses a schema of a newer program.
func (s *Store) migrate(ctx context.Context) error {
	migrations := s.database.Migrations()
	provider, err := s.provider(migrations)
	if err != nil {
		return fault.Wrap(fault.Internal, err, "the migrations cannot be read")
	}
	for try := 1; ; try++ {
		err := upgrade(ctx, provider)
		if err == nil || fault.Is(err, fault.Conflict) {
			return err
		}
		if migrations.Lock != nil || try == migrationTries || ctx.Err() != nil {
			if known := s.database.Fault(err); known != nil {
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

// provider prepares migrations. Where the database has locks that last as long as
// a connection, one program at a time migrates.
func (s *Store) provider(m dialect.Migrations) (*goose.Provider, error) {
	pool, err := s.database.Write().DB()
	if err != nil {
		return nil, err
	}
	options := []goose.ProviderOption{goose.WithTableName("schema_migrations")}
	if m.Lock != nil {
		options = append(options, goose.WithSessionLocker(m.Lock))
	}
	return goose.NewProvider(m.Dialect, pool, m.Dir, options...)
}

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
	provider, err := s.provider(s.database.Migrations())
	if err != nil {
		return 0, s.fault(err)
	}
	version, err := provider.GetDBVersion(ctx)
	return version, s.fault(err)
}

// SchemaFingerprint identifies the schema that this program creates on a kind of database, "sqlite" or "postgres". It
// changes with any migration.
func SchemaFingerprint(kind string) string {
	schema := map[string]func() fs.FS{"sqlite": sqlite.Schema, "postgres": postgres.Schema}[kind]()
	hash := sha256.New()
	_ = fs.WalkDir(schema, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := fs.ReadFile(schema, path)
		fmt.Fprintf(hash, "%s %d\n%s", path, len(content), content)
		return err
	}) // embedded files always read
	return hex.EncodeToString(hash.Sum(nil)[:8])
}
