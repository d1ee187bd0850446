-- A passage without a vector may be one that its model cannot read, or one that
-- nobody has embedded yet. Only the second is work to do.

-- +goose Up
ALTER TABLE chunks ADD COLUMN unreadable_by text COLLATE "C" NOT NULL DEFAULT ''; -- the model that cannot read it; it has no vector then
ALTER TABLE conversations ADD COLUMN unreadable_count int NOT NULL DEFAULT 0; -- of its chunks
