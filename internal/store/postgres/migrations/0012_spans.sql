-- A passage is where it stands in the messages, and no longer a copy of their texts.
-- Which stretches of messages an older passage quotes is not known here: its parts stay
-- empty, and it is indexed again in the background. The sum of its text tells then
-- whether its vector still holds. Changing the type rewrites the table, so the copies
-- of the texts are in its old file alone, which is deleted with the commit.

-- +goose Up
ALTER TABLE chunks
    ALTER COLUMN text TYPE bigint
        USING CAST(CAST('x' || encode(substring(sha256(convert_to(text, 'UTF8')) FOR 8), 'hex') AS bit(64)) AS bigint),
    ADD COLUMN parts bytea NOT NULL DEFAULT ''; -- which stretches of messages it quotes; empty when not known
ALTER TABLE chunks RENAME COLUMN text TO text_sum; -- of the text as it was indexed
ALTER TABLE chunks ALTER COLUMN parts SET STATISTICS 0, ALTER COLUMN text_sum SET STATISTICS 0;
