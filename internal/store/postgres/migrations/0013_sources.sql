-- What a conversation is at its source, and what a message brings besides its text. Null
-- means that the source does not say. The names of files are a JSON list, or empty. These
-- defaults do not rewrite the tables.

-- +goose Up
ALTER TABLE conversations
    ADD COLUMN archived boolean,
    ADD COLUMN starred  boolean,
    ADD COLUMN project  text NOT NULL DEFAULT '',
    ADD COLUMN link     text NOT NULL DEFAULT '';
ALTER TABLE messages
    ADD COLUMN inferred boolean NOT NULL DEFAULT false, -- created_at is not the source's own
    ADD COLUMN files    text    NOT NULL DEFAULT '';
-- As in 0004: the planner samples nothing that people wrote.
ALTER TABLE conversations ALTER COLUMN project SET STATISTICS 0, ALTER COLUMN link SET STATISTICS 0;
ALTER TABLE messages ALTER COLUMN files SET STATISTICS 0;
