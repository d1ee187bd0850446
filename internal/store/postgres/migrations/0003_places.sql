-- A walk goes on from the id of a conversation, and mostly from one that was just
-- deleted. So its tombstone keeps when it was last changed, which is its place in
-- the order, sealed: only who has the id can read it.

-- +goose Up
ALTER TABLE tombstones ADD COLUMN sealed_place bigint; -- null when it was deleted before there was this column
CREATE INDEX tombstones_conversation ON tombstones (workspace_id, conversation_hash);
