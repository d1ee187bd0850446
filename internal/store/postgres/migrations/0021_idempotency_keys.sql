-- A request with an idempotency key is done once: when it is sent again with its key, the
-- answer is given again. Nothing here names what was deleted. The keys and the requests are
-- keyed hashes, and what a delete removed is one bit for each id of the request, which only
-- helps a caller who has the ids.

-- +goose Up
CREATE TABLE idempotency_keys (
    workspace_id bigint  NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    key_id       text    NOT NULL, -- the API key of the caller
    key_hash     bytea   NOT NULL, -- of the idempotency key
    request_hash bytea   NOT NULL, -- of the idempotency key and the request
    number       bigint  NOT NULL, -- counts the requests of the API key: those with low numbers are deleted
    used_at      bigint  NOT NULL,
    deletion_id  uuid, -- the receipt; null when nothing was deleted
    deleted      bytea, -- one bit for each id of the request, set when it was deleted
    PRIMARY KEY (workspace_id, key_id, key_hash)
);
CREATE INDEX idempotency_keys_number ON idempotency_keys (workspace_id, key_id, number);
CREATE INDEX idempotency_keys_used ON idempotency_keys (used_at);

-- What answers an upload again. It is deleted with its conversation. The idempotency key stays,
-- so that an upload that is sent again does not store a deleted conversation.
CREATE TABLE idempotent_uploads (
    workspace_id    bigint  NOT NULL,
    key_id          text    NOT NULL,
    key_hash        bytea   NOT NULL,
    import_id       uuid    NOT NULL,
    conversation_id uuid    NOT NULL,
    PRIMARY KEY (workspace_id, key_id, key_hash),
    FOREIGN KEY (workspace_id, key_id, key_hash) REFERENCES idempotency_keys (workspace_id, key_id, key_hash) ON DELETE CASCADE,
    FOREIGN KEY (workspace_id, conversation_id) REFERENCES conversations (workspace_id, id) ON DELETE CASCADE
);
CREATE INDEX idempotent_uploads_conversation ON idempotent_uploads (workspace_id, conversation_id);
