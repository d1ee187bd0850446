-- A ledger outside of the database knows what was deleted, so that a backup that is
-- restored does not bring it back. What a delete has to add to the ledger is written in the
-- transaction of the delete, and is deleted when the ledger has it.

-- +goose Up
CREATE TABLE ledger_state (
    one      INTEGER PRIMARY KEY CHECK (one = 1), -- there is one row
    ledger   BLOB,            -- the identity of the ledger; null when the database has none
    position INTEGER NOT NULL -- how far the database knows the ledger
) STRICT;
INSERT INTO ledger_state (one, ledger, position) VALUES (1, NULL, 0);

CREATE TABLE ledger_outbox (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    kind       INTEGER NOT NULL, -- 1 conversation, 2 message, 3 workspace
    hash       BLOB    NOT NULL, -- keyed, of our id
    deleted_at INTEGER NOT NULL
) STRICT;
