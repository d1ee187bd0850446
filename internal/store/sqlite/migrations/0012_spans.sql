-- A passage is where it stands in the messages, and no longer a copy of their texts.
-- The full-text index keeps no copy of the terms either. Which stretches of messages an
-- older passage quotes is not known here: its parts stay empty, and it is indexed again
-- in the background. The sum of its text tells then whether its vector still holds.
-- What this frees is overwritten; only VACUUM makes the file smaller.

-- +goose Up
DROP TRIGGER chunks_fts_insert;
DROP TRIGGER chunks_fts_delete;
DROP TRIGGER chunks_fts_update;
DROP TABLE chunks_fts;

CREATE VIRTUAL TABLE chunks_fts USING fts5 (
    terms,
    content = '',
    contentless_delete = 1,
    tokenize = "ascii tokenchars '_.-/:@#+'"
);
INSERT INTO chunks_fts (rowid, terms) SELECT id, terms FROM chunks ORDER BY id;

CREATE TABLE chunks_of_spans (
    id              INTEGER PRIMARY KEY, -- the full-text index's row number, nothing else refers to it
    workspace_id    INTEGER NOT NULL,
    conversation_id TEXT    NOT NULL,
    position        INTEGER NOT NULL,
    first_message   INTEGER NOT NULL,
    last_message    INTEGER NOT NULL,
    parts           BLOB    NOT NULL, -- which stretches of messages it quotes; empty when not known
    text_sum        INTEGER NOT NULL, -- of the text as it was indexed
    term_count      INTEGER NOT NULL,
    unreadable_by   TEXT    NOT NULL DEFAULT '', -- the model that cannot read it; it has no vector then
    UNIQUE (workspace_id, conversation_id, position),
    FOREIGN KEY (workspace_id, conversation_id) REFERENCES conversations (workspace_id, id) ON DELETE CASCADE
) STRICT;
INSERT INTO chunks_of_spans (id, workspace_id, conversation_id, position, first_message, last_message, parts, text_sum, term_count, unreadable_by)
SELECT id, workspace_id, conversation_id, position, first_message, last_message, x'', passage_text_sum(text), term_count, unreadable_by
FROM chunks ORDER BY id;
DROP TABLE chunks;
ALTER TABLE chunks_of_spans RENAME TO chunks;

-- +goose StatementBegin
CREATE TRIGGER chunks_fts_delete AFTER DELETE ON chunks BEGIN
    DELETE FROM chunks_fts WHERE rowid = old.id;
END;
-- +goose StatementEnd
