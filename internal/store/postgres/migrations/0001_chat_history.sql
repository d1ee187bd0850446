-- The chat history, version 1.
--
-- Every key begins with workspace_id, so that one workspace's rows lie together,
-- no query has to look at another's, and the tables can be partitioned or
-- distributed on that one column. Times are microseconds since 1970 in UTC:
-- exact, sortable and the same on both databases.
-- The children of a conversation reference it directly and cascade, so that one
-- DELETE takes everything, and every foreign key begins an index: PostgreSQL
-- makes none by itself.
-- Texts that are ordered or indexed compare by their bytes (COLLATE "C"): the same
-- order as on SQLite and in Go, whatever the database's locale, and no index that
-- an update of the system's collations could silently break.

-- +goose Up
CREATE TABLE workspaces (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name       text   COLLATE "C" NOT NULL UNIQUE,
    created_at bigint NOT NULL
);

CREATE TABLE api_keys (
    workspace_id bigint NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    id           uuid   NOT NULL,
    name         text   NOT NULL,
    prefix       text   COLLATE "C" NOT NULL UNIQUE,
    hash         bytea  NOT NULL,
    scopes       text   NOT NULL,
    created_at   bigint NOT NULL,
    last_used_at bigint,
    revoked_at   bigint,
    PRIMARY KEY (workspace_id, id)
);

CREATE TABLE platforms (
    workspace_id bigint NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    platform     text   COLLATE "C" NOT NULL,
    display_name text   NOT NULL,
    PRIMARY KEY (workspace_id, platform)
);

CREATE TABLE imports (
    workspace_id  bigint NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    id            uuid   NOT NULL,
    kind          text   NOT NULL,
    platform      text   NOT NULL,
    conversations int    NOT NULL,
    messages      int    NOT NULL,
    created_at    bigint NOT NULL,
    PRIMARY KEY (workspace_id, id)
);
CREATE INDEX imports_newest ON imports (workspace_id, created_at, id);

CREATE TABLE conversations (
    workspace_id     bigint  NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    id               uuid    NOT NULL,
    platform         text    COLLATE "C" NOT NULL,
    external_id      text    COLLATE "C" NOT NULL,
    title            text    NOT NULL,
    title_folded     text    NOT NULL, -- for case-insensitive search in every script
    created_at       bigint  NOT NULL,
    updated_at       bigint  NOT NULL,
    pinned           boolean NOT NULL DEFAULT false,
    import_id        uuid    NOT NULL,
    message_count    int     NOT NULL DEFAULT 0,
    token_count      int     NOT NULL DEFAULT 0,
    chunk_count      int     NOT NULL DEFAULT 0,
    term_count       int     NOT NULL DEFAULT 0, -- terms in its chunks: BM25 needs their mean per workspace
    revision         bigint  NOT NULL DEFAULT 1,
    index_state      text    NOT NULL CHECK (index_state IN ('queued', 'indexing', 'ready', 'failed')),
    indexed_revision bigint  NOT NULL DEFAULT 0,
    attempts         int     NOT NULL DEFAULT 0,
    run_after        bigint  NOT NULL DEFAULT 0, -- when a worker may claim it: now, after a back-off, or when a lease has run out
    index_error      text    COLLATE "C" NOT NULL DEFAULT '',
    PRIMARY KEY (workspace_id, id),
    UNIQUE (workspace_id, platform, external_id)
);
CREATE INDEX conversations_newest ON conversations (workspace_id, updated_at, id);
CREATE INDEX conversations_import ON conversations (workspace_id, import_id);
CREATE INDEX conversations_counters ON conversations (workspace_id) INCLUDE (chunk_count, term_count);
-- The queue is read across workspaces, by whoever has waited longest.
CREATE INDEX conversations_queue ON conversations (run_after) WHERE index_state IN ('queued', 'indexing');

CREATE TABLE messages (
    workspace_id    bigint  NOT NULL,
    conversation_id uuid    NOT NULL,
    position        int     NOT NULL,
    id              uuid    NOT NULL,
    external_id     text    NOT NULL,
    sender          text    NOT NULL,
    text            text    NOT NULL,
    created_at      bigint  NOT NULL,
    branch          text    NOT NULL DEFAULT '',
    hidden          boolean NOT NULL DEFAULT false,
    PRIMARY KEY (workspace_id, conversation_id, position),
    FOREIGN KEY (workspace_id, conversation_id) REFERENCES conversations (workspace_id, id) ON DELETE CASCADE
);

CREATE TABLE chunks (
    workspace_id    bigint   NOT NULL,
    conversation_id uuid     NOT NULL,
    position        int      NOT NULL,
    first_message   int      NOT NULL,
    last_message    int      NOT NULL,
    text            text     NOT NULL,
    terms           tsvector NOT NULL, -- analysed words, each prefixed with the workspace, with their places
    term_count      int      NOT NULL,
    PRIMARY KEY (workspace_id, conversation_id, position),
    FOREIGN KEY (workspace_id, conversation_id) REFERENCES conversations (workspace_id, id) ON DELETE CASCADE
);
CREATE INDEX chunks_terms ON chunks USING gin (terms);

CREATE TABLE embeddings (
    workspace_id    bigint  NOT NULL,
    conversation_id uuid    NOT NULL,
    position        int     NOT NULL, -- of the chunk
    model           text    NOT NULL,
    dimensions      int     NOT NULL,
    vector          halfvec NOT NULL, -- unit length
    PRIMARY KEY (workspace_id, conversation_id, position),
    FOREIGN KEY (workspace_id, conversation_id) REFERENCES conversations (workspace_id, id) ON DELETE CASCADE
);

-- One workspace's delete may be a small part of a big table: do not wait for a
-- fifth of it before the space and the index entries are taken back.
ALTER TABLE conversations SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000);
ALTER TABLE messages SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000);
ALTER TABLE chunks SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000);
ALTER TABLE embeddings SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000);
