package store

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/store/dialect"
)

// stored is the state of an import that was completed. Whether it is indexing or done depends on its conversations.
const stored = "stored"

// running and ended are the conditions that an import may, and may not, store something.
const (
	running = "imports.state IN ('receiving', 'reading')"
	ended   = "imports.state NOT IN ('receiving', 'reading')"
)

// ErrImportEnded is returned when a caller continues an import that was stopped or has ended.
var ErrImportEnded = fault.New(fault.Conflict, "this import has ended; begin another one, which only reads what is stored already")

// NewImport is an import that begins.
type NewImport struct {
	ID       string
	Kind     string
	State    chat.ImportState // StateReceiving or StateReading
	FileName string
	FileSize int64
	Restores bool // it restores what was deleted before
	// Fed: a client sends the conversations, so no program works on it.
	Fed bool
	// Continues: when there is an import with this ID that has ended, it goes on instead, and counts on.
	Continues bool
}

// BeginImport records an import before it stores anything. Conflict when the workspace was
// deleted, and when the import to continue is running or is of another kind.
func (tx *Tx) BeginImport(ws chat.WorkspaceID, n NewImport) error {
	if err := tx.LockDelivery(ws); err != nil {
		return err
	}
	if n.Continues {
		if continued, err := tx.continueImport(ws, n); continued || err != nil {
			return err
		}
	}
	now := dialect.Micros(tx.now)
	row := importRow{
		WorkspaceID: int64(ws), ID: n.ID, Kind: n.Kind, State: string(n.State), FileName: n.FileName, FileSize: n.FileSize,
		Restores: n.Restores, CreatedAt: now, SeenAt: now, Holder: tx.holder,
	}
	if n.Fed {
		row.Holder = nobody
	}
	return tx.fault(tx.db.Create(&row).Error)
}

// continueImport makes an import that has ended a running one again. It returns false when there is none with this id.
func (tx *Tx) continueImport(ws chat.WorkspaceID, n NewImport) (bool, error) {
	row, found, err := first[importRow](&tx.View, tx.imports(ws).Clauses(clause.Locking{Strength: "UPDATE"}).Where("id = ?", n.ID))
	switch {
	case err != nil || !found:
		return false, err
	case row.Kind != n.Kind:
		return false, fault.New(fault.Conflict, "this is the id of an upload, and only an import of files can go on")
	case chat.ImportState(row.State).Running():
		return false, fault.New(fault.Conflict, "this import is running; wait until it has ended, or stop it")
	}
	row.State, row.Reason, row.EndedAt = string(n.State), "", nil
	row.Restores, row.SeenAt, row.Holder = n.Restores, dialect.Micros(tx.now), tx.holder
	return true, tx.saveImport(row)
}

// ImportStep is a change of an import's record.
type ImportStep struct {
	State     chat.ImportState   // empty for no change
	Counts    chat.ImportCounts  // added to the counts of the record
	Messages  int                // number of new and changed ones, added to the record
	Platforms []string           // of the conversations
	BytesRead int64              // total; 0 for no change
	Report    *chat.ImportReport // nil for no change
	Format    string             // empty for no change
	Part      int                // number of the client's part; 0 for no change
}

// openImport locks a running import until the transaction ends, and returns its row. NotFound
// when the workspace has no such import, ErrImportEnded when it is not running.
func (tx *Tx) openImport(ws chat.WorkspaceID, id string) (importRow, error) {
	row, err := one[importRow](&tx.View, tx.imports(ws).Clauses(clause.Locking{Strength: "UPDATE"}).Where("id = ?", id), fault.Missing("import"))
	if err == nil && !chat.ImportState(row.State).Running() {
		err = ErrImportEnded
	}
	return row, err
}

// ErrPartStored is returned for a part of a client that is stored already.
var ErrPartStored = fault.New(fault.Conflict, "this part is stored already")

// MoveImport records the progress of an import, in the transaction that stores its conversations. ErrImportEnded when
// it was stopped: then the transaction must not store them. Parts are stored in order, each once: ErrPartStored for
// one that is already stored, Conflict for one whose predecessor is missing.
func (tx *Tx) MoveImport(ws chat.WorkspaceID, id string, s ImportStep) error {
	row, err := tx.openImport(ws, id)
	if err != nil {
		return err
	}
	switch {
	case s.Part > row.Part+1:
		return fault.New(fault.Conflict, "part %d comes before part %d; send the parts in order, from 1", s.Part, row.Part+1)
	case s.Part > 0 && s.Part <= row.Part:
		return ErrPartStored
	}
	row.State = cmp.Or(string(s.State), row.State)
	row.count(s.Counts)
	row.Messages += s.Messages
	row.name(s.Platforms)
	row.BytesRead = cmp.Or(s.BytesRead, row.BytesRead)
	row.Format = cmp.Or(s.Format, row.Format)
	row.Part = cmp.Or(s.Part, row.Part)
	if s.Report != nil {
		row.Report = encodeReport(decodeReport(row.Report).With(*s.Report))
	}
	row.SeenAt = dialect.Micros(tx.now)
	if row.Holder != nobody {
		row.Holder = tx.holder
	}
	return tx.saveImport(row)
}

// EndImport records that a running import has ended: with StateDone, StateFailed or
// StateStopped, and the reason of the latter two. NotFound when the workspace has no such
// import, ErrImportEnded when it has ended already.
func (tx *Tx) EndImport(ws chat.WorkspaceID, id string, state chat.ImportState, reason string) error {
	row, err := tx.openImport(ws, id)
	if err != nil {
		return err
	}
	return tx.endImport(row, state, reason)
}

func (tx *Tx) endImport(row importRow, state chat.ImportState, reason string) error {
	now := dialect.Micros(tx.now)
	row.State, row.Reason, row.EndedAt, row.Holder = string(state), reason, &now, nobody
	if state == chat.StateDone {
		row.State = stored
	}
	return tx.saveImport(row)
}

func (tx *Tx) saveImport(row importRow) error {
	return tx.fault(tx.db.Model(&importRow{}).Where("workspace_id = ? AND id = ?", row.WorkspaceID, row.ID).
		Select("*").Omit("workspace_id", "id", "created_at", "kind", "conversation_id").Updates(&row).Error)
}

// ImportRuns reports whether the workspace has a running import with this id.
func (v *View) ImportRuns(ws chat.WorkspaceID, id string) (bool, error) {
	_, found, err := first[importRow](v, v.imports(ws).Select("id").Where("id = ?", id).Where(running))
	return found, err
}

// RunningImport names an import that is running.
type RunningImport struct {
	Workspace chat.WorkspaceID
	ID        string
}

// EndedImporters returns the holders of running imports whose programs have ended, as
// EndedHolders does for claims.
func (s *Store) EndedImporters(ctx context.Context) ([]int64, error) {
	ctx, cancel := s.config.Bounded(ctx)
	defer cancel()
	view := s.View(ctx)
	var holders []int64
	err := view.db.Model(&importRow{}).Where(running+" AND holder > 0 AND holder <> ?", s.instance).Distinct().Pluck("holder", &holders).Error
	if err != nil || len(holders) == 0 {
		return nil, view.fault(err)
	}
	gone, err := s.database.Ended(ctx, holders)
	return gone, s.fault(err)
}

// Abandoned selects the running imports that nobody works on any more: those of programs that have ended, and those
// that were silent since a time.
type Abandoned struct {
	Holders []int64
	Since   time.Time
}

func (a Abandoned) of(db *gorm.DB) *gorm.DB {
	return db.Where(running).Where("seen_at < ? OR (holder > 0 AND holder IN ?)", dialect.Micros(a.Since), append([]int64{nobody}, a.Holders...))
}

// AbandonedImports returns the imports that nobody works on any more.
func (v *View) AbandonedImports(a Abandoned) ([]RunningImport, error) {
	var rows []importRow
	err := a.of(v.db.Model(&importRow{}).Select("workspace_id", "id")).Find(&rows).Error
	list := make([]RunningImport, len(rows))
	for i, r := range rows {
		list[i] = RunningImport{chat.WorkspaceID(r.WorkspaceID), r.ID}
	}
	return list, v.fault(err)
}

// StopAbandoned stops one of the imports that AbandonedImports returned, unless it has continued since. It reports
// whether it did.
func (tx *Tx) StopAbandoned(i RunningImport, a Abandoned, reason string) (bool, error) {
	row, found, err := first[importRow](&tx.View, a.of(tx.imports(i.Workspace)).Clauses(clause.Locking{Strength: "UPDATE"}).Where("id = ?", i.ID))
	if err != nil || !found {
		return false, err
	}
	return true, tx.endImport(row, chat.StateStopped, reason)
}

// ForgetEmptyImports deletes the records of imports that stored nothing and ended before a time.
func (tx *Tx) ForgetEmptyImports(before time.Time) error {
	return tx.fault(tx.db.Where("platform = '' AND ended_at < ?", dialect.Micros(before)).Where(ended).Delete(&importRow{}).Error)
}

// count adds to the counts of a record.
func (r *importRow) count(c chat.ImportCounts) {
	r.NewCount += c.New
	r.UpdatedCount += c.Updated
	r.UnchangedCount += c.Unchanged
	r.DeletedCount += c.LeftDeleted
	r.ExcludedCount += c.Excluded
	r.FailedCount += c.Failed
	if r.Kind != uploadKind {
		r.Conversations = r.NewCount + r.UpdatedCount + r.UnchangedCount
	}
}

// uploadKind is the kind of imports whose conversations are counted by AddToImport.
const uploadKind = "upload"

// name adds platforms to a record.
func (r *importRow) name(platforms []string) {
	all := append(r.platforms(), platforms...)
	slices.Sort(all)
	switch all = slices.Compact(all); len(all) {
	case 0:
	case 1:
		r.Platform, r.Platforms = all[0], ""
	default:
		r.Platform, r.Platforms = chat.SeveralPlatforms, strings.Join(all, " ")
	}
}

func (r *importRow) platforms() []string {
	switch r.Platform {
	case "":
		return nil
	case chat.SeveralPlatforms:
		return strings.Fields(r.Platforms)
	}
	return []string{r.Platform}
}

// record returns the import without the states of its conversations.
func (r *importRow) record() chat.Import {
	i := chat.Import{
		ID: r.ID, Kind: r.Kind, Platform: r.Platform, Conversations: r.Conversations,
		Messages: r.Messages, CreatedAt: dialect.FromMicros(r.CreatedAt), Error: r.Reason,
		ImportJob: chat.ImportJob{
			State: chat.ImportState(r.State), Platforms: r.platforms(), FileName: r.FileName, FileSize: r.FileSize, Format: r.Format,
			BytesRead: r.BytesRead, Report: decodeReport(r.Report), Part: r.Part, Restores: r.Restores,
			Counts: chat.ImportCounts{
				New: r.NewCount, Updated: r.UpdatedCount, Unchanged: r.UnchangedCount,
				LeftDeleted: r.DeletedCount, Excluded: r.ExcludedCount, Failed: r.FailedCount,
			},
		},
	}
	i.Counts.Skipped, i.Counts.Failed = i.Report.Skipped, i.Counts.Failed+i.Report.Unread
	if i.State == stored {
		i.State = chat.StateDone
	}
	if r.EndedAt != nil && !i.State.Running() {
		i.EndedAt = dialect.FromMicros(*r.EndedAt)
	}
	return i
}

func encodeReport(r chat.ImportReport) string {
	text, err := json.Marshal(r.Bounded())
	if err != nil || string(text) == "{}" { // numbers and valid strings can be written
		return ""
	}
	return string(text)
}

func decodeReport(text string) (r chat.ImportReport) {
	_ = json.Unmarshal([]byte(text), &r) // what encodeReport wrote, or nothing
	return r
}

// dropPlatformOfImports takes a platform without conversations out of the records of imports,
// and deletes the records that name no other one. Those of running imports stay.
func (tx *Tx) dropPlatformOfImports(ws chat.WorkspaceID, platform string) error {
	err := tx.db.Where("workspace_id = ? AND (platform = ? OR platforms = ?)", int64(ws), platform, platform).Where(ended).Delete(&importRow{}).Error
	if err != nil {
		return tx.fault(err)
	}
	var rows []importRow
	err = tx.imports(ws).Select("workspace_id", "id", "platform", "platforms").Where("platform = ?", chat.SeveralPlatforms).Find(&rows).Error
	if err != nil {
		return tx.fault(err)
	}
	for _, row := range rows {
		left := slices.DeleteFunc(row.platforms(), func(p string) bool { return p == platform })
		if len(left) == len(row.platforms()) {
			continue
		}
		err := tx.imports(ws).Where("id = ?", row.ID).Update("platforms", strings.Join(left, " ")).Error
		if err != nil {
			return tx.fault(err)
		}
	}
	return nil
}
