-- SQLite samples nothing unless it is told to, and Lethe never does: there is
-- nothing to do here. The number belongs to what PostgreSQL needs.

-- +goose Up
SELECT 1;
