-- Nothing to change here. The number is that of a change of PostgreSQL's full-text index.

-- +goose Up
SELECT 1;
