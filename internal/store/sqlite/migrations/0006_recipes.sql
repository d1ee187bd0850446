-- What search sees of a conversation was made by some recipe: a model, and a version
-- of what cuts and analyses texts. When a service starts with another one, what was
-- made by the old is made anew in the background, so each conversation says which
-- it was, and the database which is current.

-- +goose Up
CREATE TABLE recipes (
    id       INTEGER PRIMARY KEY,
    model    TEXT    NOT NULL, -- as in embeddings
    passages INTEGER NOT NULL, -- version of chunker and analyzer
    UNIQUE (model, passages)
) STRICT;
-- The first is that of conversations of which nobody knows how they were made.
INSERT INTO recipes (id, model, passages) VALUES (1, '', 0);

CREATE TABLE current_recipe (
    one           INTEGER PRIMARY KEY CHECK (one = 1), -- there is one row
    recipe_id     INTEGER NOT NULL, -- 0 until a service has started
    since         INTEGER NOT NULL,
    left_behind   INTEGER NOT NULL, -- how many conversations had to be made anew when it became current
    completed_at  INTEGER           -- when none of them was left; null until then
) STRICT;
INSERT INTO current_recipe (one, recipe_id, since, left_behind) VALUES (1, 0, 0, 0);

-- A conversation was always embedded by one model alone: its first vector tells,
-- or what says that it cannot read one of its passages.
CREATE TABLE made_by AS
SELECT c.rowid AS conversation, CASE WHEN c.vector_count + c.unreadable_count < c.chunk_count THEN '' ELSE coalesce(
    (SELECT e.model FROM embeddings AS e WHERE e.workspace_id = c.workspace_id AND e.conversation_id = c.id LIMIT 1),
    (SELECT k.unreadable_by FROM chunks AS k WHERE k.workspace_id = c.workspace_id AND k.conversation_id = c.id AND k.unreadable_by <> '' LIMIT 1),
    '') END AS model
FROM conversations AS c WHERE c.chunk_count > 0;
INSERT INTO recipes (model, passages) SELECT DISTINCT model, 1 FROM made_by WHERE model <> '' ORDER BY model;

ALTER TABLE conversations ADD COLUMN recipe_id INTEGER NOT NULL DEFAULT 0; -- by which its passages were made; 0 when it has none
UPDATE conversations SET recipe_id = r.id FROM made_by AS m JOIN recipes AS r ON r.model = m.model WHERE m.conversation = conversations.rowid;
DROP TABLE made_by;
-- Read across workspaces, like the queue: what is to be made anew.
CREATE INDEX conversations_recipe ON conversations (recipe_id, run_after) WHERE recipe_id > 0;
