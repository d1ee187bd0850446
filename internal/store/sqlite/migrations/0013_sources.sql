-- What a conversation is at its source, and what a message brings besides its text. Null
-- means that the source does not say. The names of files are a JSON list, or empty. These
-- defaults do not rewrite the tables.

-- +goose Up
ALTER TABLE conversations ADD COLUMN archived INTEGER;
ALTER TABLE conversations ADD COLUMN starred  INTEGER;
ALTER TABLE conversations ADD COLUMN project  TEXT NOT NULL DEFAULT '';
ALTER TABLE conversations ADD COLUMN link     TEXT NOT NULL DEFAULT '';
ALTER TABLE messages ADD COLUMN inferred INTEGER NOT NULL DEFAULT 0; -- created_at is not the source's own
ALTER TABLE messages ADD COLUMN files    TEXT    NOT NULL DEFAULT '';
