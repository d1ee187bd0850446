package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"

	"github.com/lethe-chat/lethe/pkg/api"
)

// ExportRevisions writes conversations as Export does and returns the id and the
// revision of each, as DeleteUnchanged takes them. With excludePinned, pinned
// conversations are left out.
func (c *Client) ExportRevisions(ctx context.Context, o ListOptions, excludePinned bool, w io.Writer) ([]api.ConversationRevision, error) {
	p := o.exportParams()
	p.Revisions = text("true")
	if excludePinned {
		p.ExcludePinned = text("true")
	}
	return c.exportRevisions(ctx, p, w)
}

// ExportOneRevision writes one conversation as ExportRevisions does; IsNotFound
// tells when there is none of that id.
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

// DeleteUnchanged removes 1 to 100,000 conversations for good, if each still has
// the revision that is named. When one has changed it removes nothing, and the
// *Error, with status 409, lists in Changed those that have.
func (c *Client) DeleteUnchanged(ctx context.Context, r api.DeleteUnchangedRequest) (api.DeleteAnswer, error) {
	return Decode[api.DeleteAnswer](c.raw.DeleteUnchangedConversations(ctx, r))
}

// errNoRevisions is about a service of an older version, which ignores that it is
// asked for revisions.
var errNoRevisions = errors.New("the service does not tell the revisions of conversations; update it to this version")

// maxHead is more than the id and the revision at the beginning of a line take.
const maxHead = 256

// revisionReader hands an export on and reads the beginning of each line. Lines
// may be as long as a conversation is, so it holds no whole line.
type revisionReader struct {
	to        io.Writer
	head      []byte // of the line under way, until it is read
	inRest    bool   // the head of this line has been read
	revisions []api.ConversationRevision
}

// Write reads the heads of lines in p and hands p on.
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

// read takes a piece of a line, and the revision as soon as it is there: a line
// begins with {"conversationId":"...","revision":3, and an id has no comma.
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
	r.revisions = append(r.revisions, api.ConversationRevision{ID: head.ConversationID, Revision: head.Revision})
	r.inRest = true
	return nil
}

// nthIndex is where b is in s for the nth time, from 1; -1 when it is not.
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
