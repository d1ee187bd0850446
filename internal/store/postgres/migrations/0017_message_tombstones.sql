-- A message that was deleted by itself leaves a tombstone, by which it is recognized when
-- its conversation is uploaded again. Like the tombstone of a conversation it has only keyed
-- hashes, each of the conversation's platform and id together with a part of the message.

-- +goose Up
CREATE TABLE message_tombstones (
    workspace_id  bigint NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    external_hash bytea  NOT NULL, -- of the conversation, as in tombstones
    message_hash  bytea  NOT NULL, -- of our id of the message
    id_hash       bytea,           -- of the caller's id of the message; null if it had none
    words_hash    bytea  NOT NULL, -- of its sender and the words of its text
    title_hash    bytea,           -- of a title that quoted it, or that is derived from it; null if it was blank
    position      int    NOT NULL, -- where it was before any message of the conversation was deleted
    deletion_id   uuid   NOT NULL,
    PRIMARY KEY (workspace_id, external_hash, message_hash)
);
CREATE INDEX message_tombstones_deletion ON message_tombstones (workspace_id, deletion_id);
