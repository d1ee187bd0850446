-- Search ranks by how often a passage contains each term. A tsvector does not tell that
-- quickly, and its words stay in the vocabulary of their index after a delete. So a
-- passage has three columns now: the numbers of its terms, which are indexed, how often it
-- contains each, and their places. The number of a term is a part of its hash under a key
-- of this database.

-- +goose Up
-- Two random UUIDs have 244 random bits.
INSERT INTO secrets (name, value)
VALUES ('terms', sha256(CAST(CAST(gen_random_uuid() AS text) || CAST(gen_random_uuid() AS text) AS bytea)));

-- +goose StatementBegin
CREATE FUNCTION lethe_varint(n int) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN n < 128 THEN lpad(to_hex(n), 2, '0')
        ELSE lpad(to_hex((n & 127) | 128), 2, '0') || lpad(to_hex(n >> 7), 2, '0') END
$$;
-- +goose StatementEnd
-- The three columns as texts. Days also count for a term of their month.
-- +goose StatementBegin
CREATE FUNCTION lethe_terms(vector tsvector) RETURNS text[] LANGUAGE sql STABLE AS $$
    WITH named AS (
        SELECT lexeme AS term, CAST(positions AS int[]) AS places FROM unnest(vector)
        UNION ALL
        SELECT substring(lexeme FROM '^[0-9a-z]+:\d{4}-\d{2}-') || '*', array_agg(CAST(place AS int) ORDER BY place)
        FROM unnest(vector) AS word, unnest(word.positions) AS place
        WHERE lexeme LIKE '%:____-__-%' AND lexeme ~ '^[0-9a-z]+:\d{4}-\d{2}-' GROUP BY 1
    ), hashed AS (
        SELECT sha256((SELECT value FROM secrets WHERE name = 'terms') || convert_to(term, 'UTF8')) AS hash, places FROM named
    ), numbered AS MATERIALIZED (
        SELECT 1 + (CAST(CAST('x' || encode(substring(hash FOR 8), 'hex') AS bit(64)) AS bigint) & 9223372036854775807) % 1000000000 AS number,
            get_byte(hash, 8) AS control, cardinality(places) AS n,
            CASE cardinality(places) WHEN 1 THEN lethe_varint(places[1])
                ELSE (SELECT string_agg(lethe_varint(place), '' ORDER BY place) FROM unnest(places) AS place) END AS places
        FROM hashed
    )
    SELECT ARRAY[
        '{' || coalesce(string_agg(CAST(number AS text), ',' ORDER BY number, control), '') || '}',
        '{' || coalesce((SELECT string_agg(number || ':' || often, ',') FROM ( -- two terms may have the same number
            SELECT number, sum(2.0 * n / (n + 1)) AS often FROM numbered GROUP BY number) AS counted), '') || '}/1000000000',
        coalesce(string_agg(lpad(to_hex(control), 2, '0') || lethe_varint(n) || places, '' ORDER BY number, control), '')
    ] FROM numbered
$$;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE FUNCTION lethe_counts(made text[]) RETURNS sparsevec LANGUAGE sql IMMUTABLE AS $$ SELECT CAST(made[2] AS sparsevec) $$;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE FUNCTION lethe_places(made text[]) RETURNS bytea LANGUAGE sql IMMUTABLE AS $$ SELECT decode(made[3], 'hex') $$;
-- +goose StatementEnd
DROP INDEX chunks_terms;
ALTER TABLE chunks ALTER COLUMN terms TYPE text[] USING lethe_terms(terms);
ALTER TABLE chunks
    ADD COLUMN counts sparsevec NOT NULL GENERATED ALWAYS AS (lethe_counts(terms)) STORED, -- 2n/(n+1) for a term that it contains n times
    ADD COLUMN places bytea     NOT NULL GENERATED ALWAYS AS (lethe_places(terms)) STORED; -- for each of terms: a byte of its hash, how often, and where
ALTER TABLE chunks ALTER COLUMN counts DROP EXPRESSION, ALTER COLUMN places DROP EXPRESSION;
-- This rewrites the table, so the words are in its old file alone, which is deleted with the commit.
ALTER TABLE chunks ALTER COLUMN terms TYPE int[] USING CAST(terms[1] AS int[]); -- the numbers of its terms, in order
DROP FUNCTION lethe_places, lethe_counts, lethe_terms, lethe_varint;
-- As in 0004: the planner samples nothing that people wrote.
ALTER TABLE chunks ALTER COLUMN terms SET STATISTICS 0, ALTER COLUMN counts SET STATISTICS 0, ALTER COLUMN places SET STATISTICS 0;
CREATE INDEX chunks_terms ON chunks USING gin (terms);
