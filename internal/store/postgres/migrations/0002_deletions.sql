-- Deletes leave a receipt, which says how much went and when, and tombstones,
-- which know a deleted conversation when they meet it and cannot say its name:
-- ids are kept as keyed hashes, under a key that never leaves this database.

-- +goose Up
CREATE TABLE secrets (
    name  text PRIMARY KEY,
    value bytea NOT NULL
);
-- Two random UUIDs have 244 random bits.
INSERT INTO secrets (name, value)
VALUES ('tombstones', sha256(CAST(CAST(gen_random_uuid() AS text) || CAST(gen_random_uuid() AS text) AS bytea)));

-- A receipt outlives its workspace, so nothing ties it to one.
CREATE TABLE deletions (
    workspace_id  bigint NOT NULL,
    id            uuid   NOT NULL,
    deleted_at    bigint NOT NULL,
    key_id        text   NOT NULL,
    conversations int    NOT NULL,
    messages      int    NOT NULL,
    chunks        int    NOT NULL,
    embeddings    int    NOT NULL,
    reclaimed_at  bigint, -- when nothing of it was left in the storage; null until then
    PRIMARY KEY (workspace_id, id)
);
CREATE INDEX deletions_newest ON deletions (workspace_id, deleted_at, id);
-- What is left to reclaim is asked for across workspaces, and is a few rows.
CREATE INDEX deletions_unreclaimed ON deletions (deleted_at) WHERE reclaimed_at IS NULL;

CREATE TABLE tombstones (
    workspace_id      bigint  NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    external_hash     bytea   NOT NULL, -- of platform and external id
    conversation_hash bytea   NOT NULL, -- of our id
    deletion_id       uuid    NOT NULL,
    excluded          boolean NOT NULL DEFAULT false, -- uploads of it are refused
    PRIMARY KEY (workspace_id, external_hash)
);
CREATE INDEX tombstones_deletion ON tombstones (workspace_id, deletion_id);

ALTER TABLE conversations ADD COLUMN vector_count int NOT NULL DEFAULT 0;
UPDATE conversations SET vector_count = (SELECT count(*) FROM embeddings AS e
    WHERE e.workspace_id = conversations.workspace_id AND e.conversation_id = conversations.id);
