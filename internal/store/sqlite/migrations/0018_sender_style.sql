-- How answers to a key name a person: human or user; empty for the service's own setting.

-- +goose Up
ALTER TABLE api_keys ADD COLUMN sender_style TEXT NOT NULL DEFAULT '';
