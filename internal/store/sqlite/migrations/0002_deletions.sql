-- Deletes leave a receipt, which says how much went and when, and tombstones,
-- which know a deleted conversation when they meet it and cannot say its name:
-- ids are kept as keyed hashes, under a key that never leaves this database.

-- +goose Up
CREATE TABLE secrets (
    name  TEXT PRIMARY KEY,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO secrets (name, value) VALUES ('tombstones', randomblob(32));

-- A receipt outlives its workspace, so nothing ties it to one.
CREATE TABLE deletions (
    workspace_id  INTEGER NOT NULL,
    id            TEXT    NOT NULL,
    deleted_at    INTEGER NOT NULL,
    key_id        TEXT    NOT NULL,
    conversations INTEGER NOT NULL,
    messages      INTEGER NOT NULL,
    chunks        INTEGER NOT NULL,
    embeddings    INTEGER NOT NULL,
    reclaimed_at  INTEGER, -- when nothing of it was left in the storage; null until then
    PRIMARY KEY (workspace_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX deletions_newest ON deletions (workspace_id, deleted_at, id);
-- What is left to reclaim is asked for across workspaces, and is a few rows.
CREATE INDEX deletions_unreclaimed ON deletions (deleted_at) WHERE reclaimed_at IS NULL;

CREATE TABLE tombstones (
    workspace_id      INTEGER NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    external_hash     BLOB    NOT NULL, -- of platform and external id
    conversation_hash BLOB    NOT NULL, -- of our id
    deletion_id       TEXT    NOT NULL,
    excluded          INTEGER NOT NULL DEFAULT 0, -- uploads of it are refused
    PRIMARY KEY (workspace_id, external_hash)
) STRICT, WITHOUT ROWID;
CREATE INDEX tombstones_deletion ON tombstones (workspace_id, deletion_id);

ALTER TABLE conversations ADD COLUMN vector_count INTEGER NOT NULL DEFAULT 0;
UPDATE conversations SET vector_count = (SELECT count(*) FROM embeddings AS e
    WHERE e.workspace_id = conversations.workspace_id AND e.conversation_id = conversations.id);
