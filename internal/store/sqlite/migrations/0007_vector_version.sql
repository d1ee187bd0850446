-- Programs keep codes of the vectors in memory, and must not answer from those of
-- vectors that another program has deleted. So each change of a vector, by whomever
-- and in whatever way, raises a number, in the same transaction.

-- +goose Up
CREATE TABLE vector_version (
    version INTEGER NOT NULL -- the one row
) STRICT;
INSERT INTO vector_version (version) VALUES (1);

-- +goose StatementBegin
CREATE TRIGGER embeddings_insert AFTER INSERT ON embeddings BEGIN
    UPDATE vector_version SET version = version + 1;
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER embeddings_delete AFTER DELETE ON embeddings BEGIN
    UPDATE vector_version SET version = version + 1;
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER embeddings_update AFTER UPDATE ON embeddings BEGIN
    UPDATE vector_version SET version = version + 1;
END;
-- +goose StatementEnd
