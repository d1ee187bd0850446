package store

import (
	"cmp"
	"errors"
	"maps"
	"slices"
	"time"

	"gorm.io/gorm"

	"github.com/lethe-chat/lethe/internal/auth"
	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/store/dialect"
)

// CreateKey stores a key. Conflict when its prefix exists: create another key.
func (tx *Tx) CreateKey(k auth.Key) error {
	err := tx.db.Omit("WorkspaceName").Create(&keyRow{
		WorkspaceID: int64(k.Workspace), ID: k.ID, Name: k.Name, Prefix: k.Prefix, Hash: k.Hash[:],
		Scopes: auth.JoinScopes(k.Scopes), SenderStyle: string(k.SenderStyle), CreatedAt: dialect.Micros(k.CreatedAt),
	}).Error
	if errors.Is(err, gorm.ErrDuplicatedKey) {
		return fault.Wrap(fault.Conflict, err, "a key with this prefix exists")
	}
	return tx.fault(err)
}

// KeyByPrefix returns the key whose token starts with the prefix, also when it is
// revoked. NotFound when there is none.
func (v *View) KeyByPrefix(prefix string) (auth.Key, error) {
	row, err := one[keyRow](v, v.keys().Where("api_keys.prefix = ?", prefix), fault.NotFoundf("there is no key with prefix %q", prefix))
	if err != nil {
		return auth.Key{}, err
	}
	return row.key(), nil
}

// Keys returns the keys of a workspace, or of all workspaces when ws is 0, oldest first.
func (v *View) Keys(ws chat.WorkspaceID) ([]auth.Key, error) {
	query := v.keys().Order("api_keys.created_at, api_keys.id")
	if ws != 0 {
		query = query.Where("api_keys.workspace_id = ?", int64(ws))
	}
	var rows []keyRow
	if err := query.Find(&rows).Error; err != nil {
		return nil, v.fault(err)
	}
	keys := make([]auth.Key, len(rows))
	for i, r := range rows {
		keys[i] = r.key()
	}
	return keys, nil
}

// AnyKey reports whether a key exists or has existed.
func (v *View) AnyKey() (bool, error) {
	var n int64
	err := v.db.Model(&keyRow{}).Limit(1).Count(&n).Error
	return n > 0, v.fault(err)
}

// RevokeKey revokes the key with this id or prefix, and returns it. NotFound when there
// is none. Revoking it again keeps the first date.
func (tx *Tx) RevokeKey(idOrPrefix string) (auth.Key, error) {
	column := "api_keys.prefix"
	if id, ok := chat.ParseID(idOrPrefix); ok {
		column, idOrPrefix = "api_keys.id", id
	}
	row, err := one[keyRow](&tx.View, tx.keys().Where(column+" = ?", idOrPrefix),
		fault.NotFoundf("there is no key %q; `lethe keys list` shows ids and prefixes", idOrPrefix))
	if err != nil {
		return auth.Key{}, err
	}
	if row.RevokedAt == nil {
		now := dialect.Micros(tx.now)
		row.RevokedAt = &now
		err := tx.db.Model(&keyRow{}).Where("workspace_id = ? AND id = ?", row.WorkspaceID, row.ID).
			Update("revoked_at", now).Error
		if err != nil {
			return auth.Key{}, tx.fault(err)
		}
	}
	return row.key(), nil
}

// TouchKeys records when keys were last used. It ignores times earlier than the stored
// one. It updates keys in a fixed order, so two instances cannot deadlock.
func (tx *Tx) TouchKeys(used map[auth.KeyRef]time.Time) error {
	order := slices.SortedFunc(maps.Keys(used), func(a, b auth.KeyRef) int {
		return cmp.Or(cmp.Compare(a.Workspace, b.Workspace), cmp.Compare(a.ID, b.ID))
	})
	for _, ref := range order {
		at := used[ref]
		err := tx.db.Model(&keyRow{}).
			Where("workspace_id = ? AND id = ? AND (last_used_at IS NULL OR last_used_at < ?)", int64(ref.Workspace), ref.ID, dialect.Micros(at)).
			Update("last_used_at", dialect.Micros(at)).Error
		if err != nil {
			return tx.fault(err)
		}
	}
	return nil
}

func (v *View) keys() *gorm.DB {
	return v.db.Model(&keyRow{}).
		Select("api_keys.*, workspaces.name AS workspace_name").
		Joins("JOIN workspaces ON workspaces.id = api_keys.workspace_id")
}
