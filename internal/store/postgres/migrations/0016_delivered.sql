-- What an import sent last of a conversation, as a keyed hash: when it sends the same again,
-- nothing is compared. Null when something else has changed the conversation since.

-- +goose Up
ALTER TABLE conversations ADD COLUMN delivered bytea;
ALTER TABLE conversations ALTER COLUMN delivered SET STATISTICS 0; -- the planner samples no hash of a text
