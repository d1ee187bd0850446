package history

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/store"
)

// Ingested is the result of an upload.
type Ingested struct {
	ImportID     string
	Conversation chat.Conversation
}

// ingest is Access.Ingest: a delivery of one.
func (h *History) ingest(ctx context.Context, ws chat.WorkspaceID, u chat.ValidUpload, k keyed) (Ingested, error) {
	end, err := k.begin(ws)
	if err != nil {
		return Ingested{}, err
	}
	defer end()
	done, err := h.deliver(ctx, ws, []chat.ValidUpload{u}, Delivery{keyed: k})
	if err != nil {
		return Ingested{}, err
	}
	return Ingested{ImportID: done.ImportID, Conversation: done.Conversations[0]}, done.Refused[0]
}

// MaxDelivery is how many conversations IngestAll accepts at once: enough that the cost of a
// transaction is small for each, and few enough to fit in memory.
const MaxDelivery = 1000

// Delivered is the result of several uploads that were stored together.
type Delivered struct {
	ImportID      string              // empty when every conversation was refused
	Conversations []chat.Conversation // in the order of the uploads
	Counts        chat.ImportCounts
	Refused       []error // why each upload was not stored (Invalid), or nil
}

// Delivery says how uploads are stored together.
type Delivery struct {
	KeepDeleted bool // leave conversations deleted that were deleted before, and do not store them again

	job   *importStep // the running import that they belong to; nil creates an import of their own
	keyed keyed       // of a single upload
}

// importStep is what a running import records together with a delivery.
type importStep struct {
	id   string
	move store.ImportStep // in addition to the counts of the delivery
}

// validateAll checks the uploads of a delivery.
func (h *History) validateAll(uploads []chat.Upload) ([]chat.ValidUpload, error) {
	if n := len(uploads); n == 0 || n > MaxDelivery {
		return nil, fault.Invalidf("a delivery has 1 to %d conversations, got %d; send the rest in another", MaxDelivery, n)
	}
	valid := make([]chat.ValidUpload, len(uploads))
	var problems []string
	for i, u := range uploads {
		var err error
		if valid[i], err = u.Validate(h.now()); err != nil {
			problems = append(problems, fmt.Sprintf("upload %d: %s", i, fault.Message(err)))
		}
	}
	if n := len(problems); n > 0 {
		return nil, fault.Invalidf("%s", strings.Join(problems[:min(n, maxImportProblems)], "; "))
	}
	return valid, nil
}

// deliver stores uploads in one transaction and wakes the indexer. Every upload and every
// import goes through it.
func (h *History) deliver(ctx context.Context, ws chat.WorkspaceID, uploads []chat.ValidUpload, how Delivery) (Delivered, error) {
	var done Delivered
	err := h.inPreparedTx(ctx, ws, uploads, func(tx *store.Tx, ahead map[int]prepared) (err error) {
		d := delivery{tx: tx, ws: ws, uploads: uploads, prepared: ahead, keepDeleted: how.KeepDeleted, job: how.job}
		done, err = d.storeOnce(how.keyed)
		return err
	})
	if err != nil {
		return Delivered{}, err
	}
	if how.job != nil {
		h.tellImport(ws)
	}
	if slices.ContainsFunc(done.Conversations, func(c chat.Conversation) bool { return c.IndexState == chat.Queued }) {
		h.wake(ws)
	}
	return done, nil
}

// uploadKind is the kind of an import that is a caller's upload.
const uploadKind = "upload"

// delivery is what one transaction stores.
type delivery struct {
	tx          *store.Tx
	ws          chat.WorkspaceID
	uploads     []chat.ValidUpload
	prepared    map[int]prepared // by the index of the upload
	known       map[chat.Origin]store.Known
	keepDeleted bool
	job         *importStep
	importID    string
	stored      []chat.Conversation // in the order of the uploads
	refused     []error             // in the order of the uploads
	messages    int                 // number of new and changed messages
	counts      chat.ImportCounts
}

// storeOnce is store for a delivery that may have an idempotency key; it has one upload then.
func (d *delivery) storeOnce(k keyed) (done Delivered, err error) {
	if !k.has() {
		return d.store()
	}
	before, again, err := d.tx.BeginKeyed(d.ws, k.request)
	if err != nil {
		return Delivered{}, err
	}
	if again {
		return d.again(before)
	}
	if done, err = d.store(); err != nil {
		return Delivered{}, err
	}
	if done.Conversations[0].ID == "" {
		return done, d.tx.ForgetKeyed(d.ws, k.request)
	}
	return done, d.tx.EndKeyed(d.ws, k.request, store.Outcome{ImportID: done.ImportID, Conversation: done.Conversations[0].ID})
}

// again answers an upload that was stored before. It stores nothing, also if the conversation was
// deleted since.
func (d *delivery) again(o store.Outcome) (Delivered, error) {
	if o.Conversation != "" {
		c, err := d.tx.Conversation(d.ws, o.Conversation)
		return Delivered{ImportID: o.ImportID, Conversations: []chat.Conversation{c}, Refused: make([]error, 1)}, err
	}
	fresh := d.fresh(d.uploads[0]).Conversation
	_, excluded, err := d.tx.Tombstoned(d.ws, fresh.Platform, fresh.ExternalID)
	state := chat.LeftDeleted
	if excluded {
		state = chat.Excluded
	}
	return Delivered{Conversations: []chat.Conversation{refused(fresh, state)}, Refused: make([]error, 1)}, err
}

func (d *delivery) store() (Delivered, error) {
	d.stored, d.refused = make([]chat.Conversation, len(d.uploads)), make([]error, len(d.uploads))
	if d.importID = chat.NewID(); d.job != nil {
		d.importID = d.job.id
	}
	left, err := d.createTogether()
	if err != nil {
		return Delivered{}, err
	}
	for _, i := range left {
		if err := d.createOrMerge(i); err != nil {
			return Delivered{}, err
		}
	}
	platforms, err := d.namePlatforms()
	if err != nil {
		return Delivered{}, err
	}
	done := Delivered{ImportID: d.importID, Conversations: d.stored, Refused: d.refused, Counts: d.counts}
	if d.job != nil {
		return done, d.move(platforms)
	}
	if d.counts.Stored() == 0 {
		done.ImportID = ""
		return done, nil
	}
	return done, d.tx.AddToImport(d.ws, d.brought(platforms))
}

// namePlatforms stores the display names of the platforms in the delivery, and returns these platforms.
func (d *delivery) namePlatforms() ([]string, error) {
	names := map[string]string{}
	for i, c := range d.stored {
		if c.ID == "" {
			continue
		}
		names[c.Platform] = cmp.Or(d.uploads[i].DisplayName(), names[c.Platform]) // the last one wins
	}
	platforms := slices.Sorted(maps.Keys(names))
	for _, platform := range platforms {
		if names[platform] == "" {
			continue
		}
		if err := d.tx.NamePlatform(d.ws, platform, names[platform]); err != nil {
			return nil, err
		}
	}
	return platforms, nil
}

// move records the delivery with the running import that it belongs to.
func (d *delivery) move(platforms []string) error {
	step := d.job.move
	step.Counts, step.Messages, step.Platforms = step.Counts.Add(d.counts), d.messages, platforms
	return d.tx.MoveImport(d.ws, d.importID, step)
}

// brought returns the record of a delivery that is an import of its own.
func (d *delivery) brought(platforms []string) chat.Import {
	i := chat.Import{
		ID: d.importID, Kind: uploadKind, Platform: platforms[0], Conversations: d.counts.Stored(), Messages: d.messages,
		ImportJob: chat.ImportJob{Platforms: platforms, Counts: d.counts},
	}
	if len(platforms) > 1 {
		i.Platform = chat.SeveralPlatforms
	}
	if len(d.uploads) == 1 {
		i.ConversationID = d.stored[0].ID
	}
	return i
}

// createTogether saves statements when there are many uploads: it creates the conversations that the workspace never
// had, and returns the indexes of the other uploads in order. No other transaction can delete those conversations
// now.
func (d *delivery) createTogether() (left []int, err error) {
	if len(d.uploads) == 1 && d.job == nil {
		return []int{0}, nil
	}
	if err := d.tx.LockDelivery(d.ws); err != nil {
		return nil, err
	}
	origins, sums := make([]chat.Origin, len(d.uploads)), make([]chat.UploadSum, len(d.uploads))
	for i, u := range d.uploads {
		origins[i], sums[i] = u.Origin(), u.Sum()
	}
	known, err := d.tx.LockKnown(d.ws, origins, sums)
	if err != nil {
		return nil, err
	}
	d.known = known
	var fresh []chat.Transcript
	places := map[chat.ConversationID]int{}
	for i, u := range d.uploads {
		switch stored, found := known[u.Origin()]; {
		case stored.Same:
			d.stored[i] = chat.Conversation{ID: stored.ID, Platform: u.Origin().Platform, ExternalID: u.Origin().ExternalID}
			d.counts.Unchanged++
		case found, u.From() > 0:
			left = append(left, i)
		default:
			t := d.fresh(u)
			fresh, places[t.ID], known[u.Origin()] = append(fresh, t), i, store.Known{}
		}
	}
	made, err := d.tx.CreateConversations(d.ws, fresh)
	if err != nil {
		return nil, err
	}
	// A delete may have committed in between. Uploads of a conversation that it deleted are handled one by one.
	deleted, err := d.tx.TombstonedAmong(d.ws, origins)
	if err != nil {
		return nil, err
	}
	for _, t := range fresh {
		i := places[t.ID]
		switch {
		case !made[t.ID]: // another transaction created it first
			left = append(left, i)
		case deleted[d.uploads[i].Origin()]:
			left = append(left, i)
			if err := d.tx.TakeBack(d.ws, t.ID); err != nil {
				return nil, err
			}
		default:
			d.stored[i] = t.Conversation
			d.messages += len(t.Turns)
			d.counts.New++
		}
	}
	slices.Sort(left) // the later of two uploads of one conversation wins
	return left, nil
}

func (d *delivery) fresh(u chat.ValidUpload) chat.Transcript {
	t := chat.NewTranscript(u)
	t.ImportID, t.LastImportID = d.importID, d.importID
	return t
}

// maxOvertaken is how often createOrMerge starts again because another upload created the conversation and it was
// deleted at once.
const maxOvertaken = 20

// createOrMerge stores one upload. On PostgreSQL another transaction may create the conversation after this one did
// not find it, and delete it before this one locks it. Then createOrMerge starts again.
func (d *delivery) createOrMerge(i int) error {
	u := d.uploads[i]
	for range maxOvertaken {
		stored, err := d.tx.LockByOrigin(d.ws, u.Origin())
		if err == nil {
			return d.mergeInto(i, stored)
		}
		if !fault.Is(err, fault.NotFound) {
			return err
		}
		if u.From() > 0 {
			return d.withoutBeginning(i)
		}
		fresh := d.fresh(u)
		made, err := d.tx.CreateConversation(d.ws, fresh)
		if err != nil {
			return err
		}
		if made {
			return d.admit(i, fresh)
		}
	}
	return errBusy
}

var errBusy = fault.New(fault.Unavailable, "other callers are creating and deleting this conversation; try again")

// mergeInto merges an upload into its locked conversation. The messages that were deleted from
// it one by one stay deleted.
func (d *delivery) mergeInto(i int, stored chat.Conversation) error {
	forgotten, err := d.tx.Forgotten(d.ws, d.uploads[i].Origin())
	if err != nil {
		return err
	}
	u := d.uploads[i].Except(forgotten)
	if stored.Messages < u.From() {
		d.refuse(i, stored.Messages)
		return nil
	}
	merged, err := d.merge(i, u, stored)
	if err != nil {
		return err
	}
	return d.update(i, u, stored, merged)
}

// update stores the result of a merge. For a conversation that a file does not change, it writes nothing. A single
// upload is recorded as the last upload of the conversation in any case, because its sender follows the indexing by
// the id of the upload.
func (d *delivery) update(i int, u chat.ValidUpload, stored chat.Conversation, merged chat.Merged) (err error) {
	unchanged := merged.Leaves(stored)
	switch {
	case d.job != nil && merged.From > 0: // a file counts a conversation once, with its first part
		if !unchanged && stored.LastImportID != d.importID { // it was counted as unchanged
			d.counts.Unchanged--
			d.counts.Updated++
		}
	case unchanged:
		d.counts.Unchanged++
	default:
		d.counts.Updated++
	}
	if unchanged && d.job != nil {
		d.stored[i] = stored
		return d.remember(i, u)
	}
	d.messages += merged.Added + len(merged.Edited)
	d.stored[i], err = d.tx.UpdateConversation(d.ws, stored, merged, d.importID)
	return err
}

// remember records what a file says of a conversation that it leaves as it is, unless that is
// known of another file. The next time nothing needs to be compared.
func (d *delivery) remember(i int, u chat.ValidUpload) error {
	if u.Sum().IsZero() || d.known[u.Origin()].Told {
		return nil
	}
	return d.tx.RememberDelivery(d.ws, d.stored[i].ID, u.Sum())
}

// withoutBeginning handles a part of a conversation that is not stored. If the conversation was deleted, the part is
// treated as its beginning was.
func (d *delivery) withoutBeginning(i int) error {
	u := d.uploads[i]
	deleted, excluded, err := d.tx.Tombstoned(d.ws, u.Origin().Platform, u.Origin().ExternalID)
	switch {
	case err != nil:
		return err
	case excluded:
		d.stored[i] = refused(d.fresh(u).Conversation, chat.Excluded)
	case deleted && d.keepDeleted:
		d.stored[i] = refused(d.fresh(u).Conversation, chat.LeftDeleted)
	default:
		d.refuse(i, 0)
	}
	return nil
}

// refuse refuses a part when the messages before it are missing.
func (d *delivery) refuse(i, stored int) {
	d.counts.Failed++
	d.refused[i] = fault.Breaks(fault.At("from"), "is %d, but only %d messages of the conversation are stored; send the parts before it first",
		d.uploads[i].From(), stored)
}

// admit decides whether a new conversation may stay. It checks this late whether the conversation was deleted before,
// because a delete that excludes it may have committed since the transaction began, and then it must not be stored
// again.
func (d *delivery) admit(i int, fresh chat.Transcript) error {
	deleted, excluded, err := d.tx.Tombstoned(d.ws, fresh.Platform, fresh.ExternalID)
	switch {
	case err != nil:
		return err
	case excluded:
		d.stored[i] = refused(fresh.Conversation, chat.Excluded)
		d.counts.Excluded++
		return d.tx.TakeBack(d.ws, fresh.ID)
	case deleted && d.keepDeleted:
		d.stored[i] = refused(fresh.Conversation, chat.LeftDeleted)
		d.counts.LeftDeleted++
		return d.tx.TakeBack(d.ws, fresh.ID)
	}
	if deleted { // whoever sends it now wants it back
		return d.bringBack(i, fresh)
	}
	d.created(i, fresh)
	return nil
}

func (d *delivery) created(i int, fresh chat.Transcript) {
	d.stored[i] = fresh.Conversation
	d.messages += len(fresh.Turns)
	d.counts.New++
}

// bringBack lets a deleted conversation stay that was sent again. The messages that were
// deleted from it one by one stay deleted. If it has no other, it stays deleted as well.
func (d *delivery) bringBack(i int, fresh chat.Transcript) error {
	forgotten, err := d.tx.Forgotten(d.ws, d.uploads[i].Origin())
	if err != nil {
		return err
	}
	if forgotten.Any() {
		if err := d.tx.TakeBack(d.ws, fresh.ID); err != nil {
			return err
		}
		rest, left := d.uploads[i].Except(forgotten).Remembered()
		if !left {
			d.stored[i] = refused(fresh.Conversation, chat.LeftDeleted)
			d.counts.LeftDeleted++
			return nil
		}
		fresh = d.fresh(rest)
		if made, err := d.tx.CreateConversation(d.ws, fresh); err != nil || !made {
			return cmp.Or(err, errBusy)
		}
	}
	d.created(i, fresh)
	return d.tx.RemoveTombstone(d.ws, fresh.Platform, fresh.ExternalID)
}

// refused returns the result of an upload that is not stored.
func refused(c chat.Conversation, why chat.IndexState) chat.Conversation {
	c.ID, c.ImportID, c.LastImportID, c.Messages, c.IndexState = "", "", "", 0, why
	return c
}
