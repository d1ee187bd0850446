package history

import (
	"context"
	"time"

	"github.com/lethe-chat/lethe/internal/auth"
	"github.com/lethe-chat/lethe/internal/chat"
)

// Operation names one operation of a caller on a workspace: the method of Access that does it.
type Operation string

// The operations.
const (
	OpAwaitReclaimed      Operation = "AwaitReclaimed"
	OpBeginImport         Operation = "BeginImport"
	OpConfirmDelete       Operation = "ConfirmDelete"
	OpConversations       Operation = "Conversations"
	OpCount               Operation = "Count"
	OpDeleteBulk          Operation = "DeleteBulk"
	OpDeleteConversations Operation = "DeleteConversations"
	OpDeleteMatching      Operation = "DeleteMatching"
	OpDeleteMessages      Operation = "DeleteMessages"
	OpDeleteUnchanged     Operation = "DeleteUnchanged"
	OpDeletion            Operation = "Deletion"
	OpDeletions           Operation = "Deletions"
	OpEdit                Operation = "Edit"
	OpEverything          Operation = "Everything"
	OpExport              Operation = "Export"
	OpExportOne           Operation = "ExportOne"
	OpFeedImport          Operation = "FeedImport"
	OpFinishImport        Operation = "FinishImport"
	OpImport              Operation = "Import"
	OpImportBegun         Operation = "ImportBegun"
	OpImportFile          Operation = "ImportFile"
	OpImports             Operation = "Imports"
	OpIngest              Operation = "Ingest"
	OpIngestAll           Operation = "IngestAll"
	OpLiftExclusions      Operation = "LiftExclusions"
	OpRead                Operation = "Read"
	OpReadPiece           Operation = "ReadPiece"
	OpReportImport        Operation = "ReportImport"
	OpProposeDelete       Operation = "ProposeDelete"
	OpReindexFailed       Operation = "ReindexFailed"
	OpRecall              Operation = "Recall"
	OpSearch              Operation = "Search"
	OpStartImport         Operation = "StartImport"
	OpStats               Operation = "Stats"
	OpStopImport          Operation = "StopImport"
	OpSummary             Operation = "Summary"
	OpWalk                Operation = "Walk"
	OpWatch               Operation = "Watch"

	OpCreateKey       Operation = "CreateKey"
	OpCreateWorkspace Operation = "CreateWorkspace"
	OpFind            Operation = "Find"
	OpKeys            Operation = "Keys"
	OpMessages        Operation = "Messages"
	OpPageCode        Operation = "PageCode"
	OpPreviewDelete   Operation = "PreviewDelete"
	OpPreviewMatching Operation = "PreviewMatching"
	OpRevokeKey       Operation = "RevokeKey"
	OpRights          Operation = "Rights"
	OpWorkspaces      Operation = "Workspaces"
)

// DefaultPatience is the time limit of an operation when Options.Patience is 0. A much later answer would be useless:
// a browser ends the worker of an extension after 30 s.
const DefaultPatience = 20 * time.Second

// maxWait is how long a delete waits for its storage to be reclaimed.
const maxWait = 15 * time.Second

// patience is the kind of time limit that an operation has.
type patience int

const (
	ordinary  patience = iota // Options.Patience, and more for a large upload (uploadPatience)
	deleting                  // deletePatience times as long
	waiting                   // maxWait
	streaming                 // as long as the caller sends or receives; the transport limits each step
)

// deletePatience is how many times longer a delete may take than other operations. A delete
// that reaches its limit is rolled back and would fail again, so a very large delete could
// never be completed with the ordinary limit.
const deletePatience = 15

// anyScope marks operations that every key may call.
const anyScope auth.Scope = ""

// demand is the scope that an operation needs, and its time limit.
type demand struct {
	scope    auth.Scope
	patience patience
}

// demands is the only table of the scopes of operations. An operation that is not in it is
// refused.
var demands = map[Operation]demand{
	OpConversations: {auth.Read, ordinary},
	OpCount:         {auth.Read, ordinary},
	OpDeletion:      {auth.Read, ordinary},
	OpDeletions:     {auth.Read, ordinary},
	OpEverything:    {auth.Read, streaming}, // and Admin, for other workspaces than the caller's
	OpExport:        {auth.Read, streaming},
	OpExportOne:     {auth.Read, ordinary},
	OpImport:        {auth.Read, ordinary},
	OpImports:       {auth.Read, ordinary},
	OpRead:          {auth.Read, ordinary},
	OpReadPiece:     {auth.Read, ordinary},
	OpRecall:        {auth.Read, ordinary},
	OpSearch:        {auth.Read, ordinary},
	OpStats:         {auth.Read, ordinary},
	OpSummary:       {auth.Read, ordinary},
	OpWalk:          {auth.Read, ordinary},
	OpWatch:         {auth.Read, streaming},

	OpFind:            {auth.Read, ordinary},
	OpMessages:        {auth.Read, ordinary},
	OpPreviewDelete:   {auth.Read, ordinary},
	OpPreviewMatching: {auth.Read, ordinary},
	OpProposeDelete:   {auth.Read, ordinary}, // it deletes nothing; ConfirmDelete does
	OpRights:          {anyScope, ordinary},

	OpCreateKey:       {auth.Admin, ordinary},
	OpCreateWorkspace: {auth.Admin, ordinary},
	OpKeys:            {auth.Admin, ordinary},
	OpPageCode:        {auth.Admin, ordinary},
	OpRevokeKey:       {auth.Admin, ordinary},
	OpWorkspaces:      {auth.Admin, ordinary},

	OpAwaitReclaimed:      {auth.Write, waiting},
	OpBeginImport:         {auth.Write, ordinary},
	OpConfirmDelete:       {auth.Write, deleting},
	OpDeleteBulk:          {auth.Write, deleting},
	OpDeleteConversations: {auth.Write, deleting},
	OpDeleteMatching:      {auth.Write, deleting}, // and Read in some cases: see Access.DeleteMatching
	OpDeleteMessages:      {auth.Write, deleting}, // and Read in some cases: see Access.DeleteMessages
	OpDeleteUnchanged:     {auth.Write, deleting},
	OpEdit:                {auth.Write, ordinary},
	OpFeedImport:          {auth.Write, streaming},
	OpFinishImport:        {auth.Write, ordinary},
	OpImportBegun:         {auth.Write, ordinary},
	OpImportFile:          {auth.Write, streaming},
	OpIngest:              {auth.Write, ordinary},
	OpIngestAll:           {auth.Write, streaming},
	OpLiftExclusions:      {auth.Write, ordinary},
	OpReindexFailed:       {auth.Write, ordinary},
	OpReportImport:        {auth.Write, ordinary},
	OpStartImport:         {auth.Write, streaming},
	OpStopImport:          {auth.Write, ordinary},
}

// Patience returns the time limit after which an operation ends with a Canceled fault; large uploads get more. It is
// 0 for operations that take as long as the caller sends or receives. Transports use it for the time-outs of their
// connections.
func (h *History) Patience(op Operation) time.Duration {
	switch demands[op].patience {
	case deleting:
		return h.patience * deletePatience
	case waiting:
		return maxWait
	case streaming:
		return 0
	default:
		return h.patience
	}
}

// The additional time for a large upload. A usual machine stores half a gigabyte of text per minute, a busy one only
// a small part of that. An upload that reached its limit would reach it again when it is sent again.
const (
	ordinaryUpload = 1 << 20   // bytes; larger uploads get more time
	uploadRate     = 256 << 10 // bytes a second
	messageWeight  = 100       // bytes that are counted for a message in addition to its text
)

// uploadPatience returns the time limit of an upload. 50 MB add about three minutes.
func (h *History) uploadPatience(u chat.Upload) time.Duration {
	bytes := len(u.Messages) * messageWeight
	for _, m := range u.Messages {
		bytes += len(m.Text)
	}
	more := time.Duration(max(0, bytes-ordinaryUpload)) * time.Second / uploadRate
	return h.Patience(OpIngest) + more
}

// within returns a context that ends after the limit; 0 means no limit.
func within(ctx context.Context, limit time.Duration) (context.Context, context.CancelFunc) {
	if limit > 0 {
		return context.WithTimeout(ctx, limit)
	}
	return context.WithCancel(ctx)
}
