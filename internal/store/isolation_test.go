package store_test

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/auth"
	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/embed"
	"github.com/lethe-chat/lethe/internal/rank"
	"github.com/lethe-chat/lethe/internal/store"
	"github.com/lethe-chat/lethe/internal/store/storetest"
)

// things has the ids of a workspace: its own, another's, or unknown ones.
type things struct {
	conversation chat.Transcript
	importID     string
	running      string // an import that has not ended
	key          auth.Key
	waiting      store.Claim     // of a conversation that is being indexed
	receipt      chat.DeletionID // of a delete
	gone         string          // the external id of a deleted conversation
}

// keyed is a request with an idempotency key of the workspace.
func (h things) keyed() store.KeyedRequest { return store.KeyedRequest{KeyID: h.key.ID, Key: h.gone} }

func (h things) keys() []rank.Key { return []rank.Key{{Conversation: h.conversation.ID}} }

// claim returns h with the workspace ws.
func (h things) claim(ws chat.WorkspaceID) store.Claim {
	c := h.waiting
	c.Workspace = ws
	return c
}

func wholeOf[A, B any](a A, b B, err error) (any, error) { return []any{a, b}, err }
func just[A any](a A, err error) (any, error)            { return a, err }
func only(err error) (any, error)                        { return nil, err }

type call = func(tx *store.Tx, ws chat.WorkspaceID, h things) (any, error)

// inWorkspace has every method of View and Tx that is limited to one workspace, called in
// the workspace ws with the ids of h.
var inWorkspace = map[string]call{
	"Conversation": func(tx *store.Tx, ws chat.WorkspaceID, h things) (any, error) {
		return just(tx.Conversation(ws, h.conversation.ID))
	},
	"Transcript": func(tx *store.Tx, ws chat.WorkspaceID, h things) (any, error) {
		return just(tx.Transcript(ws, h.conversation.ID))
	},
	"Conversations": func(tx *store.Tx, ws chat.WorkspaceID, h things) (any, error) {
		return wholeOf(tx.Conversations(ws, chat.ListQuery{Filter: chat.Filter{ImportID: h.importID}, Page: 1, PageSize: 10}))
	},
	"Count":   func(tx *store.Tx, ws chat.WorkspaceID, _ things) (any, error) { return just(tx.Count(ws)) },
	"Import":  func(tx *store.Tx, ws chat.WorkspaceID, h things) (any, error) { return just(tx.Import(ws, h.importID)) },
	"Imports": func(tx *store.Tx, ws chat.WorkspaceID, _ things) (any, error) { return wholeOf(tx.Imports(ws, 1, 10)) },
	"Keys":    func(tx *store.Tx, ws chat.WorkspaceID, _ things) (any, error) { return just(tx.Keys(ws)) },
	"StoredPassages": func(tx *store.Tx, ws chat.WorkspaceID, h things) (any, error) {
		return just(tx.StoredPassages(ws, h.conversation.ID, "title", []store.StoredChunk{{First: 0, Last: 1}}))
	},
	"Passages": func(tx *store.Tx, ws chat.WorkspaceID, h things) (any, error) { return just(tx.Passages(ws, h.keys())) },
	"StoredChunks": func(tx *store.Tx, ws chat.WorkspaceID, h things) (any, error) {
		return just(tx.StoredChunks(ws, h.conversation.ID, 0, 1<<30))
	},
	"SearchKeyword": func(tx *store.Tx, ws chat.WorkspaceID, h things) (any, error) {
		found, err := tx.SearchKeyword(ws, store.Words{Terms: []string{"common", "theirs"}}, chat.Filter{ImportID: h.importID})
		return just(found.Passages, err)
	},
	"Weigh": func(tx *store.Tx, ws chat.WorkspaceID, _ things) (any, error) {
		weights, err := tx.Weigh(ws, store.Words{Terms: []string{"common"}})
		return just(weights[0].Weight, err)
	},
	"SearchSemantic": func(tx *store.Tx, ws chat.WorkspaceID, h things) (any, error) {
		return just(tx.SearchSemantic(ws, testModel, []float32{1, 0, 0}, chat.Filter{ImportID: h.importID}))
	},
	"VectorSearch": func(tx *store.Tx, ws chat.WorkspaceID, _ things) (any, error) {
		return just(tx.VectorSearch(ws, testModel.ID, 3))
	},
	"Stats": func(tx *store.Tx, ws chat.WorkspaceID, _ things) (any, error) { return just(tx.Stats(ws)) },
	"ClaimedTranscript": func(tx *store.Tx, ws chat.WorkspaceID, h things) (any, error) {
		return just(tx.ClaimedTranscript(h.claim(ws)))
	},

	"LockByExternalID": func(tx *store.Tx, ws chat.WorkspaceID, h things) (any, error) {
		t, _, err := tx.LockByExternalID(ws, h.conversation.Platform, h.conversation.ExternalID)
		return just(t, err)
	},
	"LockByOrigin": func(tx *store.Tx, ws chat.WorkspaceID, h things) (any, error) {
		return just(tx.LockByOrigin(ws, chat.Origin{Platform: h.conversation.Platform, ExternalID: h.conversation.ExternalID}))
	},
	"ByOrigin": func(tx *store.Tx, ws chat.WorkspaceID, h things) (any, error) {
		return just(tx.ByOrigin(ws, chat.Origin{Platform: h.conversation.Platform, ExternalID: h.conversation.ExternalID}))
	},
	"ShortTurns": func(tx *store.Tx, ws chat.WorkspaceID, h things) (any, error) {
		turns, _, err := tx.ShortTurns(ws, h.conversation.ID, 0)
		return just(turns, err)
	},
	"AbridgedTurns": func(tx *store.Tx, ws chat.WorkspaceID, h things) (any, error) {
		return just(tx.AbridgedTurns(ws, h.conversation.ID, 0))
	},
	"EditConversation": func(tx *store.Tx, ws chat.WorkspaceID, h things) (any, error) {
		title, pinned := "taken over", true
		return just(tx.EditConversation(ws, h.conversation.ID, chat.Edit{Title: &title, Pinned: &pinned}))
	},
	"UpdateConversation": func(tx *store.Tx, ws chat.WorkspaceID, h things) (any, error) {
		m := chat.Merged{Title: "taken over", Messages: h.conversation.Turns, RewriteFrom: len(h.conversation.Turns)}
		return just(tx.UpdateConversation(ws, h.conversation.Conversation, m, h.importID))
	},
	"ConversationsAfter": func(tx *store.Tx, ws chat.WorkspaceID, h things) (any, error) {
		return just(tx.ConversationsAfter(ws, chat.Filter{ImportID: h.importID}, "", 10))
	},
	"Backlog": func(tx *store.Tx, ws chat.WorkspaceID, _ things) (any, error) { return just(tx.Backlog(ws)) },
	"BeginImport": func(tx *store.Tx, ws chat.WorkspaceID, _ things) (any, error) {
		return only(tx.BeginImport(ws, store.NewImport{ID: chat.NewID(), Kind: "file", State: chat.StateReading}))
	},
	"MoveImport": func(tx *store.Tx, ws chat.WorkspaceID, h things) (any, error) {
		return only(tx.MoveImport(ws, h.running, store.ImportStep{}))
	},
	"EndImport": func(tx *store.Tx, ws chat.WorkspaceID, h things) (any, error) {
		return only(tx.EndImport(ws, h.running, chat.StateDone, ""))
	},
	"ImportRuns": func(tx *store.Tx, ws chat.WorkspaceID, h things) (any, error) {
		return just(tx.ImportRuns(ws, h.running))
	},
	"PreviewIDs": func(tx *store.Tx, ws chat.WorkspaceID, h things) (any, error) {
		return just(tx.PreviewIDs(ws, []chat.ConversationID{h.conversation.ID}))
	},
	"PreviewMatching": func(tx *store.Tx, ws chat.WorkspaceID, h things) (any, error) {
		return just(tx.PreviewMatching(ws, chat.Filter{ImportID: h.importID}))
	},
	"Versions": func(tx *store.Tx, ws chat.WorkspaceID, h things) (any, error) {
		return just(tx.Versions(ws, []chat.ConversationID{h.conversation.ID}))
	},
	"VersionsMatching": func(tx *store.Tx, ws chat.WorkspaceID, h things) (any, error) {
		return just(tx.VersionsMatching(ws, chat.Filter{ImportID: h.importID}, 10))
	},
	"Stretch": func(tx *store.Tx, ws chat.WorkspaceID, h things) (any, error) {
		return wholeOf(tx.Stretch(ws, h.conversation.ID, 0, 10, 100))
	},
	"WorkspaceName": func(tx *store.Tx, ws chat.WorkspaceID, _ things) (any, error) { return just(tx.WorkspaceName(ws)) },
	"PlatformNames": func(tx *store.Tx, ws chat.WorkspaceID, _ things) (any, error) { return just(tx.PlatformNames(ws)) },
	"CountMatching": func(tx *store.Tx, ws chat.WorkspaceID, h things) (any, error) {
		return just(tx.CountMatching(ws, chat.Filter{ImportID: h.importID}))
	},
	"LockMatching": func(tx *store.Tx, ws chat.WorkspaceID, h things) (any, error) {
		return just(tx.LockMatching(ws, chat.Filter{ImportID: h.importID}))
	},
	"DeleteMessages": func(tx *store.Tx, ws chat.WorkspaceID, h things) (any, error) {
		done, err := tx.DeleteMessages(ws, h.conversation.ID, []chat.MessageID{h.conversation.Turns[0].ID}, chat.DeleteOptions{})
		return len(done.IDs), err
	},
	"PreviewMessages": func(tx *store.Tx, ws chat.WorkspaceID, h things) (any, error) {
		return just(tx.PreviewMessages(ws, h.conversation.ID, []chat.MessageID{h.conversation.Turns[0].ID}))
	},
	"Forgotten": func(tx *store.Tx, ws chat.WorkspaceID, h things) (any, error) {
		f, err := tx.Forgotten(ws, chat.Origin{Platform: "custom", ExternalID: h.conversation.ExternalID})
		return f.At, err
	},
	"LiftForgotten": func(tx *store.Tx, ws chat.WorkspaceID, h things) (any, error) {
		return just(tx.LiftForgotten(ws, chat.Lift{IDs: []chat.ConversationID{h.conversation.ID}, Platform: "custom", ExternalIDs: []string{h.conversation.ExternalID}}))
	},
	"LiftExclusions": func(tx *store.Tx, ws chat.WorkspaceID, h things) (any, error) {
		return just(tx.LiftExclusions(ws, chat.Lift{IDs: []chat.ConversationID{h.conversation.ID}, Platform: "custom", ExternalIDs: []string{h.gone}}))
	},
	"Older": func(tx *store.Tx, ws chat.WorkspaceID, h things) (any, error) {
		place := chat.PlaceOf(h.conversation.Conversation)
		place.At = place.At.Add(time.Hour)
		return just(tx.Older(ws, window(-600, 600, h.conversation.Platform), &place, 10))
	},
	"Newer": func(tx *store.Tx, ws chat.WorkspaceID, h things) (any, error) {
		place := chat.PlaceOf(h.conversation.Conversation)
		place.At = place.At.Add(-time.Hour)
		return just(tx.Newer(ws, window(-600, 600, h.conversation.Platform), place, 10))
	},
	"Place": func(tx *store.Tx, ws chat.WorkspaceID, h things) (any, error) {
		return just(tx.Place(ws, h.conversation.ID))
	},
	"TextSizes": func(tx *store.Tx, ws chat.WorkspaceID, h things) (any, error) {
		return just(tx.TextSizes(ws, []chat.Conversation{h.conversation.Conversation}))
	},
	"Transcripts": func(tx *store.Tx, ws chat.WorkspaceID, h things) (any, error) {
		all, err := tx.Transcripts(ws, []chat.Conversation{h.conversation.Conversation})
		return all[0].Turns, err // the rest is the argument
	},
	"LockConversations": func(tx *store.Tx, ws chat.WorkspaceID, h things) (any, error) {
		return just(tx.LockConversations(ws, []chat.ConversationID{h.conversation.ID}))
	},
	"LockRevisions": func(tx *store.Tx, ws chat.WorkspaceID, h things) (any, error) {
		return just(tx.LockRevisions(ws, []chat.ConversationID{h.conversation.ID}))
	},
	"DeleteWorkspace": func(tx *store.Tx, ws chat.WorkspaceID, _ things) (any, error) {
		receipt, err := tx.DeleteWorkspace(ws, chat.DeleteOptions{})
		return receipt.Conversations, err
	},
	"DeleteConversations": func(tx *store.Tx, ws chat.WorkspaceID, h things) (any, error) {
		gone, receipt, err := tx.DeleteConversations(ws, []chat.ConversationID{h.conversation.ID}, chat.DeleteOptions{})
		return []any{gone, receipt.Conversations}, err
	},
	"Deletion": func(tx *store.Tx, ws chat.WorkspaceID, h things) (any, error) {
		return just(tx.Deletion(ws, h.receipt))
	},
	"Deletions": func(tx *store.Tx, ws chat.WorkspaceID, _ things) (any, error) {
		return wholeOf(tx.Deletions(ws, 1, 10))
	},
	"Tombstoned": func(tx *store.Tx, ws chat.WorkspaceID, h things) (any, error) {
		deleted, excluded, err := tx.Tombstoned(ws, "custom", h.gone)
		return []any{deleted, excluded}, err
	},
	"RemoveTombstone": func(tx *store.Tx, ws chat.WorkspaceID, h things) (any, error) {
		return only(tx.RemoveTombstone(ws, "custom", h.gone))
	},
	"CreateConversation": func(tx *store.Tx, ws chat.WorkspaceID, h things) (any, error) {
		fresh := h.conversation // the same names and ids, but in this workspace: another conversation
		fresh.ExternalID += " here"
		return just(tx.CreateConversation(ws, fresh))
	},
	"CreateConversations": func(tx *store.Tx, ws chat.WorkspaceID, h things) (any, error) {
		fresh := h.conversation
		fresh.ExternalID += " here"
		made, err := tx.CreateConversations(ws, []chat.Transcript{fresh, fresh})
		return []any{len(made)}, err
	},
	"LockKnown": func(tx *store.Tx, ws chat.WorkspaceID, h things) (any, error) {
		return just(tx.LockKnown(ws, []chat.Origin{{Platform: "custom", ExternalID: h.conversation.ExternalID}, {Platform: "custom", ExternalID: h.gone}}, make([]chat.UploadSum, 2)))
	},
	"RememberDelivery": func(tx *store.Tx, ws chat.WorkspaceID, h things) (any, error) {
		return only(tx.RememberDelivery(ws, h.conversation.ID, chat.UploadSum{1}))
	},
	"TakeBack": func(tx *store.Tx, ws chat.WorkspaceID, h things) (any, error) {
		return only(tx.TakeBack(ws, h.conversation.ID))
	},
	"TombstonedAmong": func(tx *store.Tx, ws chat.WorkspaceID, h things) (any, error) {
		return just(tx.TombstonedAmong(ws, []chat.Origin{{Platform: "custom", ExternalID: h.gone}}))
	},
	"AddToImport": func(tx *store.Tx, ws chat.WorkspaceID, h things) (any, error) {
		return only(tx.AddToImport(ws, chat.Import{ID: h.importID, Kind: "upload", Platform: "p", Conversations: 1}))
	},
	"CreateKey": func(tx *store.Tx, ws chat.WorkspaceID, h things) (any, error) {
		k := minted(ws, "", "another", auth.Read)
		k.ID = h.key.ID
		return only(tx.CreateKey(k))
	},
	"NamePlatform": func(tx *store.Tx, ws chat.WorkspaceID, h things) (any, error) {
		return only(tx.NamePlatform(ws, h.conversation.Platform, "taken over"))
	},
	"TouchKeys": func(tx *store.Tx, ws chat.WorkspaceID, h things) (any, error) {
		return only(tx.TouchKeys(map[auth.KeyRef]time.Time{{Workspace: ws, ID: h.key.ID}: start.Add(time.Hour)}))
	},
	"Extend": func(tx *store.Tx, ws chat.WorkspaceID, h things) (any, error) {
		return only(tx.Extend(h.claim(ws), lease))
	},
	"Retry": func(tx *store.Tx, ws chat.WorkspaceID, h things) (any, error) {
		return only(tx.Retry(h.claim(ws), lease, "why"))
	},
	"Parts": func(tx *store.Tx, ws chat.WorkspaceID, h things) (any, error) {
		parts, _, err := tx.Parts(ws, h.conversation.ID, chat.PartAt{}, 1000)
		return just(parts, err)
	},
	"LockWorkspace": func(tx *store.Tx, ws chat.WorkspaceID, _ things) (any, error) {
		return just(tx.LockWorkspace(ws))
	},
	"UseRecipe": func(tx *store.Tx, ws chat.WorkspaceID, h things) (any, error) {
		_, err := tx.UseRecipe(h.claim(ws), indexed().Model, 1)
		return nil, err
	},
	"StoreWords": func(tx *store.Tx, ws chat.WorkspaceID, h things) (any, error) {
		return only(tx.StoreWords(h.claim(ws), indexed().Model, indexed(passage(0, nil, "common")).Chunks))
	},
	"FinishWords": func(tx *store.Tx, ws chat.WorkspaceID, h things) (any, error) {
		_, err := tx.FinishWords(h.claim(ws), 1, 0, false)
		return nil, err
	},
	"StoreVectors": func(tx *store.Tx, ws chat.WorkspaceID, h things) (any, error) {
		return only(tx.StoreVectors(h.claim(ws), indexed().Model, []store.PassageVector{{Position: 0}}))
	},
	"FinishVectors": func(tx *store.Tx, ws chat.WorkspaceID, h things) (any, error) {
		return only(tx.FinishVectors(h.claim(ws)))
	},
	"Fail": func(tx *store.Tx, ws chat.WorkspaceID, h things) (any, error) {
		return only(tx.Fail(h.claim(ws), "why"))
	},
	"Postpone": func(tx *store.Tx, ws chat.WorkspaceID, h things) (any, error) {
		return only(tx.Postpone(h.claim(ws), "why"))
	},
	"Requeue": func(tx *store.Tx, ws chat.WorkspaceID, h things) (any, error) { return only(tx.Requeue(h.claim(ws))) },
	"Unembedded": func(tx *store.Tx, ws chat.WorkspaceID, h things) (any, error) {
		if err := tx.FinishIndexing(h.claim(ws), indexed(passage(0, nil, "common"))); err != nil {
			return nil, err
		}
		return just(tx.Unembedded(ws, h.waiting.Conversation, embed.Model{ID: "another"}, 0, 10))
	},
	"ClaimedMessages": func(tx *store.Tx, ws chat.WorkspaceID, h things) (any, error) {
		return just(tx.ClaimedMessages(h.claim(ws), 0, 1000))
	},
	"Claimed": func(tx *store.Tx, ws chat.WorkspaceID, h things) (any, error) { return just(tx.Claimed(h.claim(ws))) },
	"RequeueFailedIn": func(tx *store.Tx, ws chat.WorkspaceID, h things) (any, error) {
		if err := tx.Fail(h.claim(ws), "why"); err != nil {
			return nil, err
		}
		return just(tx.RequeueFailedIn(ws))
	},
	"GiveUp":  func(tx *store.Tx, ws chat.WorkspaceID, h things) (any, error) { return only(tx.GiveUp(h.claim(ws))) },
	"Release": func(tx *store.Tx, ws chat.WorkspaceID, h things) (any, error) { return only(tx.Release(h.claim(ws))) },
	"FinishIndexing": func(tx *store.Tx, ws chat.WorkspaceID, h things) (any, error) {
		return only(tx.FinishIndexing(h.claim(ws), indexed(passage(0, nil, "common"))))
	},
	"ImportRecordsAfter": func(tx *store.Tx, ws chat.WorkspaceID, _ things) (any, error) {
		return just(tx.ImportRecordsAfter(ws, "", 10))
	},
	"DeletionsAfter": func(tx *store.Tx, ws chat.WorkspaceID, _ things) (any, error) {
		return just(tx.DeletionsAfter(ws, "", 10))
	},
	"TombstonesAfter": func(tx *store.Tx, ws chat.WorkspaceID, _ things) (any, error) {
		all, err := tx.TombstonesAfter(ws, nil, 10)
		for i := range all {
			all[i].SealedPlace = nil // a pointer is printed as its address
		}
		return just(all, err)
	},
	"IsEmpty": func(tx *store.Tx, ws chat.WorkspaceID, _ things) (any, error) { return just(tx.IsEmpty(ws)) },
	"RestoreConversations": func(tx *store.Tx, ws chat.WorkspaceID, h things) (any, error) {
		fresh := h.conversation
		fresh.ID, fresh.ExternalID = chat.ConversationID(chat.NewID()), fresh.ExternalID+" here"
		return only(tx.RestoreConversations(ws, []chat.StoredPart{{Transcript: fresh}}))
	},
	"RestoreMessages": func(tx *store.Tx, ws chat.WorkspaceID, h things) (any, error) {
		more := h.conversation
		more.Turns = []chat.Message{{ID: chat.MessageID(chat.NewID()), Position: len(h.conversation.Turns), Sender: chat.Human, Text: "taken over"}}
		return only(tx.RestoreMessages(ws, chat.StoredPart{Transcript: more, From: len(h.conversation.Turns)}))
	},
	"RestoreImport": func(tx *store.Tx, ws chat.WorkspaceID, _ things) (any, error) {
		return only(tx.RestoreImport(ws, chat.Import{ID: chat.NewID(), Kind: "upload", Platform: "p"}))
	},
	"RestoreDeletions": func(tx *store.Tx, ws chat.WorkspaceID, _ things) (any, error) {
		return only(tx.RestoreDeletions(ws, []chat.Deletion{{ID: chat.DeletionID(chat.NewID())}}))
	},
	"RestoreTombstones": func(tx *store.Tx, ws chat.WorkspaceID, h things) (any, error) {
		return only(tx.RestoreTombstones(ws, []chat.Tombstone{{ExternalHash: []byte("e"), ConversationHash: []byte("c"), DeletionID: h.receipt}}))
	},
	"TakeBackDeleted": func(tx *store.Tx, ws chat.WorkspaceID, _ things) (any, error) {
		return just(tx.TakeBackDeleted(ws, "", 10))
	},
	"BeginKeyed": func(tx *store.Tx, ws chat.WorkspaceID, h things) (any, error) {
		return wholeOf(tx.BeginKeyed(ws, h.keyed()))
	},
	"EndKeyed": func(tx *store.Tx, ws chat.WorkspaceID, h things) (any, error) {
		if _, _, err := tx.BeginKeyed(ws, h.keyed()); err != nil {
			return nil, err
		}
		return only(tx.EndKeyed(ws, h.keyed(), store.Outcome{Deleted: []byte{1}}))
	},
	"ForgetKeyed": func(tx *store.Tx, ws chat.WorkspaceID, h things) (any, error) {
		return only(tx.ForgetKeyed(ws, h.keyed()))
	},
	"FailIndexing": func(tx *store.Tx, ws chat.WorkspaceID, h things) (any, error) {
		return only(tx.FailIndexing(h.claim(ws), indexed(), "why"))
	},
}

// acrossWorkspaces are the methods that read all workspaces, and their callers. None
// serves a request of a key.
var acrossWorkspaces = map[string]string{
	"Claim":              "the indexer takes work from whoever has waited longest",
	"NextDue":            "the indexer sleeps until there is work",
	"RequeueFailed":      "the service starts with another setting",
	"HurryFuture":        "the indexer mends what a wrong clock put off",
	"TakeClaimsBack":     "the indexer takes over what a program held that has ended",
	"ClaimIn":            "only where tables are distributed: TestDistributedClaimsAreExclusive checks its workspace",
	"ClaimBehindIn":      "as ClaimIn",
	"ClaimBehind":        "the indexer takes what another model made",
	"AdoptRecipe":        "the service starts",
	"CompleteRecipe":     "the indexer asks whether a change of models is over",
	"Behind":             "the operator, by metrics and doctor: a sum",
	"MadeBy":             "recipes belong to no workspace",
	"KeyByPrefix":        "a request says its key before anyone knows its workspace",
	"RevokeKey":          "the operator, by the command line",
	"AnyKey":             "a first start",
	"Sign":               "it reads no rows: a signature with the key of the database, over what the caller gives",
	"LockDelivery":       "it reads nothing and changes nothing",
	"Workspace":          "the operator, by name",
	"AbandonedImports":   "a service ends the imports of programs that have ended",
	"StopAbandoned":      "a service ends the imports of programs that have ended",
	"ForgetEmptyImports": "a service deletes records of imports that stored nothing",
	"EnsureWorkspace":    "the operator, by name",
	"CreateWorkspace":    "the operator, by name",
	"Workspaces":         "the operator",

	"AttachLedger": "a service starts with a new ledger",
	"ForgetLedger": "the operator",
	"Ledger":       "the ledger belongs to the database",
	"LedgerKnown":  "the ledger belongs to the database",
	"LedgerOwner":  "it reads no rows: a proof with the key of the database",
	"Owed":         "what the ledger does not have yet: hashes, of any workspace",
	"CountOwed":    "as Owed",
	"Settle":       "as Owed",

	"TombstoneKey":            "an export of everything; the key belongs to the database",
	"DeletedWorkspaces":       "an export of everything by an administrator",
	"OpenRestore":             "the operator restores a file",
	"BeginRestore":            "the operator restores a file",
	"EndRestore":              "the operator restores a file",
	"RestoreWorkspace":        "the operator restores a file, by name",
	"RestoreDeletedWorkspace": "the operator restores a file",
}

func TestEveryMethodKeepsToItsWorkspace(t *testing.T) {
	for _, kind := range []reflect.Type{reflect.TypeFor[*store.View](), reflect.TypeFor[*store.Tx]()} {
		for i := range kind.NumMethod() {
			name := kind.Method(i).Name
			require.True(t, inWorkspace[name] != nil || acrossWorkspaces[name] != "",
				"%s is new: add it to inWorkspace, with a call that another workspace must not notice, or to acrossWorkspaces", name)
		}
	}
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		s := db.OpenAt(t, (&clock{}).Now)
		mine, theirs := workspace(t, s, "mine"), workspace(t, s, "theirs")
		populate(t, s, mine, "mine")
		foreign := populate(t, s, theirs, "theirs")
		added(t, s, theirs, "theirs alone", "theirs four")
		require.NoError(t, finish(s, claimOne(t, s), "common"))
		added(t, s, theirs, "theirs queued", "theirs five")
		unknown := foreign
		unknown.conversation.ID, unknown.conversation.ExternalID = chat.ConversationID(chat.NewID()), "nobody's"
		unknown.running = chat.NewID()
		unknown.importID, unknown.key.ID, unknown.waiting.Conversation = chat.NewID(), chat.NewID(), chat.ConversationID(chat.NewID())
		unknown.receipt, unknown.gone = chat.DeletionID(chat.NewID()), "nobody's"

		secrets := []string{"theirs", string(foreign.conversation.ID), foreign.importID, foreign.key.ID, string(foreign.waiting.Conversation), string(foreign.receipt)}
		for _, turn := range foreign.conversation.Turns {
			secrets = append(secrets, string(turn.ID))
		}
		before, tables := dump(t, s, theirs), tables(t, s, "workspace_id")
		for _, secret := range secrets {
			require.Contains(t, strings.Join(before, "\n"), secret, "what is looked for is there to be found")
		}
		try := func(call call, ws chat.WorkspaceID, h things) (told string, after []string) {
			undo := errors.New("undo")
			require.Error(t, s.InTx(ctx, func(tx *store.Tx) error {
				result, err := call(tx, ws, h)
				told, after = fmt.Sprintf("%+v %v", result, err), before
				if err == nil { // failed calls are rolled back
					after = dumpOf(t, store.Handle(&tx.View), tables, theirs)
				}
				return undo
			}))
			return told, after
		}
		for name, call := range inWorkspace {
			told, after := try(call, mine, foreign)
			require.Equal(t, before, after, "%s changed another workspace", name)
			for _, secret := range secrets {
				require.NotContains(t, told, secret, name)
			}
			same, _ := try(call, mine, unknown)
			require.Equal(t, same, told, "%s tells what another workspace has from what nobody has", name)

			if name == "VectorSearch" || name == "IsEmpty" {
				continue // small workspaces are all searched in the same way, and none of these is empty
			}
			own, changed := try(call, theirs, foreign)
			require.NotEqual(t, told+fmt.Sprint(after), own+fmt.Sprint(changed), "%s does nothing where it may", name)
		}
	})
}

// populate creates one record of each kind, and returns their ids.
func populate(t *testing.T, s *store.Store, ws chat.WorkspaceID, name string) (h things) {
	t.Helper()
	h.importID, h.running = chat.NewID(), chat.NewID()
	h.key = createKey(t, s, minted(ws, name, name, auth.Read))
	h.conversation = transcript(t, name, name+" one", name+" two", name+" forgotten")
	h.conversation.ImportID, h.conversation.LastImportID = h.importID, h.importID
	inTx(t, s, func(tx *store.Tx) error {
		if err := tx.NamePlatform(ws, "custom", name); err != nil {
			return err
		}
		if err := tx.BeginImport(ws, store.NewImport{ID: h.running, Kind: "file", State: chat.StateReading}); err != nil {
			return err
		}
		return tx.AddToImport(ws, chat.Import{ID: h.importID, Kind: name, Platform: "custom"})
	})
	createAll(t, s, ws, h.conversation)
	forget(t, s, ws, h.conversation.ID, 2)
	h.conversation.Turns = h.conversation.Turns[:2]
	require.NoError(t, finish(s, claimOne(t, s), "common", name))
	deleted := transcript(t, name+" deleted", name+" zero")
	createAll(t, s, ws, deleted)
	h.gone = deleted.ExternalID
	inTx(t, s, func(tx *store.Tx) error {
		_, receipt, err := tx.DeleteConversations(ws, []chat.ConversationID{deleted.ID}, chat.DeleteOptions{KeyID: name, Exclude: true})
		h.receipt = receipt.ID
		return err
	})
	inTx(t, s, func(tx *store.Tx) error {
		if _, _, err := tx.BeginKeyed(ws, h.keyed()); err != nil {
			return err
		}
		return tx.EndKeyed(ws, h.keyed(), store.Outcome{Deletion: h.receipt, Deleted: []byte{1}, ImportID: h.importID, Conversation: h.conversation.ID})
	})
	added(t, s, ws, name+" waiting", name+" three")
	h.waiting = claimOne(t, s)
	return h
}
