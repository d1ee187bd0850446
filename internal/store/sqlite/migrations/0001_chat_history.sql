-- The chat history, version 1.
--
-- Every table begins its key with workspace_id, so that one workspace's rows lie
-- together and no query has to look at another's. Times are microseconds since
-- 1970 in UTC: exact, sortable and the same on both databases.
-- The children of a conversation reference it directly and cascade, so that one
-- DELETE takes everything and its cost does not depend on how they relate.

-- +goose Up
CREATE TABLE workspaces (
    id         INTEGER PRIMARY KEY AUTOINCREMENT, -- never reused: a deleted workspace's number means nothing again
    name       TEXT    NOT NULL UNIQUE,
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE api_keys (
    workspace_id INTEGER NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    id           TEXT    NOT NULL,
    name         TEXT    NOT NULL,
    prefix       TEXT    NOT NULL UNIQUE,
    hash         BLOB    NOT NULL,
    scopes       TEXT    NOT NULL,
    created_at   INTEGER NOT NULL,
    last_used_at INTEGER,
    revoked_at   INTEGER,
    PRIMARY KEY (workspace_id, id)
) STRICT;

CREATE TABLE platforms (
    workspace_id INTEGER NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    platform     TEXT    NOT NULL,
    display_name TEXT    NOT NULL,
    PRIMARY KEY (workspace_id, platform)
) STRICT, WITHOUT ROWID;

CREATE TABLE imports (
    workspace_id  INTEGER NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    id            TEXT    NOT NULL,
    kind          TEXT    NOT NULL,
    platform      TEXT    NOT NULL,
    conversations INTEGER NOT NULL,
    messages      INTEGER NOT NULL,
    created_at    INTEGER NOT NULL,
    PRIMARY KEY (workspace_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX imports_newest ON imports (workspace_id, created_at, id);

CREATE TABLE conversations (
    workspace_id     INTEGER NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    id               TEXT    NOT NULL,
    platform         TEXT    NOT NULL,
    external_id      TEXT    NOT NULL,
    title            TEXT    NOT NULL,
    title_folded     TEXT    NOT NULL, -- for case-insensitive search in every script
    created_at       INTEGER NOT NULL,
    updated_at       INTEGER NOT NULL,
    pinned           INTEGER NOT NULL DEFAULT 0,
    import_id        TEXT    NOT NULL,
    message_count    INTEGER NOT NULL DEFAULT 0,
    token_count      INTEGER NOT NULL DEFAULT 0,
    chunk_count      INTEGER NOT NULL DEFAULT 0,
    term_count       INTEGER NOT NULL DEFAULT 0, -- terms in its chunks: BM25 needs their mean per workspace
    revision         INTEGER NOT NULL DEFAULT 1,
    index_state      TEXT    NOT NULL CHECK (index_state IN ('queued', 'indexing', 'ready', 'failed')),
    indexed_revision INTEGER NOT NULL DEFAULT 0,
    attempts         INTEGER NOT NULL DEFAULT 0,
    run_after        INTEGER NOT NULL DEFAULT 0, -- when a worker may claim it: now, after a back-off, or when a lease has run out
    index_error      TEXT    NOT NULL DEFAULT '',
    PRIMARY KEY (workspace_id, id),
    UNIQUE (workspace_id, platform, external_id)
) STRICT;
CREATE INDEX conversations_newest ON conversations (workspace_id, updated_at, id);
CREATE INDEX conversations_import ON conversations (workspace_id, import_id);
CREATE INDEX conversations_counters ON conversations (workspace_id, chunk_count, term_count);
-- The queue is read across workspaces, by whoever has waited longest.
CREATE INDEX conversations_queue ON conversations (run_after) WHERE index_state IN ('queued', 'indexing');

CREATE TABLE messages (
    workspace_id    INTEGER NOT NULL,
    conversation_id TEXT    NOT NULL,
    position        INTEGER NOT NULL,
    id              TEXT    NOT NULL,
    external_id     TEXT    NOT NULL,
    sender          TEXT    NOT NULL,
    text            TEXT    NOT NULL,
    created_at      INTEGER NOT NULL,
    branch          TEXT    NOT NULL DEFAULT '',
    hidden          INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (workspace_id, conversation_id, position),
    FOREIGN KEY (workspace_id, conversation_id) REFERENCES conversations (workspace_id, id) ON DELETE CASCADE
) STRICT;

CREATE TABLE chunks (
    id              INTEGER PRIMARY KEY, -- the full-text index's row number, nothing else refers to it
    workspace_id    INTEGER NOT NULL,
    conversation_id TEXT    NOT NULL,
    position        INTEGER NOT NULL,
    first_message   INTEGER NOT NULL,
    last_message    INTEGER NOT NULL,
    text            TEXT    NOT NULL,
    terms           TEXT    NOT NULL, -- analysed words, each prefixed with the workspace, between single spaces
    term_count      INTEGER NOT NULL,
    UNIQUE (workspace_id, conversation_id, position),
    FOREIGN KEY (workspace_id, conversation_id) REFERENCES conversations (workspace_id, id) ON DELETE CASCADE
) STRICT;

CREATE TABLE embeddings (
    workspace_id    INTEGER NOT NULL,
    conversation_id TEXT    NOT NULL,
    position        INTEGER NOT NULL, -- of the chunk
    model           TEXT    NOT NULL,
    dimensions      INTEGER NOT NULL,
    vector          BLOB    NOT NULL, -- float32, little-endian, unit length
    PRIMARY KEY (workspace_id, conversation_id, position),
    FOREIGN KEY (workspace_id, conversation_id) REFERENCES conversations (workspace_id, id) ON DELETE CASCADE
) STRICT;

-- The words are analysed in Go, so the tokenizer only splits at spaces: with
-- `ascii`, letters beyond ASCII always belong to a token, and so do the marks
-- that join identifiers.
CREATE VIRTUAL TABLE chunks_fts USING fts5 (
    terms,
    content = 'chunks',
    content_rowid = 'id',
    tokenize = "ascii tokenchars '_.-/:@#+'"
);

-- +goose StatementBegin
CREATE TRIGGER chunks_fts_insert AFTER INSERT ON chunks BEGIN
    INSERT INTO chunks_fts (rowid, terms) VALUES (new.id, new.terms);
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER chunks_fts_delete AFTER DELETE ON chunks BEGIN
    INSERT INTO chunks_fts (chunks_fts, rowid, terms) VALUES ('delete', old.id, old.terms);
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER chunks_fts_update AFTER UPDATE OF id, terms ON chunks BEGIN
    INSERT INTO chunks_fts (chunks_fts, rowid, terms) VALUES ('delete', old.id, old.terms);
    INSERT INTO chunks_fts (rowid, terms) VALUES (new.id, new.terms);
END;
-- +goose StatementEnd
