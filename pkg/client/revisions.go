package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"

	"github.com/lethe-chat/lethe/pkg/api"
)

// ExportRevisions writes conversations like Export, and returns the id and the revision
// of each, for DeleteUnchanged. With excludePinned, pinned conversations are left out.
func (c *Client) ExportRevisions(ctx context.Context, o ListOptions, excludePinned bool, w io.Writer) ([]api.ConversationRevision, error) {
	p := o.exportParams()
	p.Revisions = text("true")
	if excludePinned {
		p.ExcludePinned = text("true")
	}
	return c.exportRevisions(ctx, p, w)
}

// ExportOneRevision writes one conversation like ExportRevisions. IsNotFound reports
// whether the error means that it does not exist.
func (c *Client) ExportOneRevision(ctx context.Context, id string, w io.Writer) ([]api.ConversationRevision, error) {
	return c.exportRevisions(ctx, &api.ExportConversationsParams{ConversationID: &id, Revisions: text("true")}, w)
}

func (c *Client) exportRevisions(ctx context.Context, p *api.ExportConversationsParams, w io.Writer) ([]api.ConversationRevision, error) {
	lines := &revisionReader{to: w}
	if err := copied(lines)(c.raw.ExportConversations(ctx, p)); err != nil {
		return nil, err
	}
	return lines.revisions, nil
}

// DeleteUnchanged deletes 1 to 100,000 conversations if each still has the given
// revision. If one has changed, it deletes nothing and returns an *Error with status 409
// that lists the changed ones in Changed.
func (c *Client) DeleteUnchanged(ctx context.Context, r api.DeleteUnchangedRequest) (api.DeleteAnswer, error) {
	return Decode[api.DeleteAnswer](c.raw.DeleteUnchangedConversations(ctx, &api.DeleteUnchangedConversationsParams{IdempotencyKey: newKey()}, r))
}

// errNoRevisions means that the service is older than revisions in exports and ignored
// the request for them.
var errNoRevisions = errors.New("the service cannot export the revisions of conversations; update it to this version")

// maxHead is more bytes than the id and the revision at the beginning of a line need.
const maxHead = 256

// revisionReader copies an export and reads the beginning of each line. A line is as long
// as its conversation, so the reader never holds a whole line.
type revisionReader struct {
	to        io.Writer
	head      []byte // the beginning of the current line, until it is complete
	inRest    bool   // whether the head of the current line has been read
	revisions []api.ConversationRevision
}

// Write reads the heads of the lines in p and copies p.
func (r *revisionReader) Write(p []byte) (int, error) {
	for rest := p; len(rest) > 0; {
		line, after, ends := bytes.Cut(rest, []byte("\n"))
		if err := r.read(line); err != nil {
			return 0, err
		}
		if ends {
			if !r.inRest {
				return 0, errNoRevisions
			}
			r.inRest, r.head = false, r.head[:0]
		}
		rest = after
	}
	return r.to.Write(p)
}

// read takes the next piece of a line, and the revision when the head is complete. A
// line begins with {"conversationId":"...","revision":3, and an id contains no comma.
func (r *revisionReader) read(piece []byte) error {
	if r.inRest {
		return nil
	}
	r.head = append(r.head, piece[:min(len(piece), maxHead)]...)
	comma := nthIndex(r.head, ',', 2)
	if comma < 0 {
		if len(r.head) >= maxHead {
			return errNoRevisions
		}
		return nil
	}
	var head struct {
		ConversationID string `json:"conversationId"`
		Revision       int    `json:"revision"`
	}
	whole := append(bytes.Clone(r.head[:comma]), '}')
	if err := json.Unmarshal(whole, &head); err != nil || head.ConversationID == "" || head.Revision < 1 {
		return errNoRevisions
	}
	r.inRest = true
	if n := len(r.revisions); n > 0 && r.revisions[n-1].ID == head.ConversationID {
		return nil // a long conversation is on several lines
	}
	r.revisions = append(r.revisions, api.ConversationRevision{ID: head.ConversationID, Revision: head.Revision})
	return nil
}

// nthIndex returns the index of the nth b in s, counted from 1; -1 if there is none.
func nthIndex(s []byte, b byte, n int) int {
	for i, c := range s {
		if c == b {
			if n--; n == 0 {
				return i
			}
		}
	}
	return -1
}
