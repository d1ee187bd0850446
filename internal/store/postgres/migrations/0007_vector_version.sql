-- Only on SQLite are vectors kept in memory, in any form: there is nothing to do
-- here. The number belongs to what SQLite needs.

-- +goose Up
SELECT 1;
