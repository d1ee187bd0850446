-- Which programs hold claims is asked every few seconds, so that what a program held
-- that has ended can be given to another one. The claims of before name programs that
-- cannot be seen to be alive: their leases run out.

-- +goose Up
UPDATE conversations SET holder = 0 WHERE holder <> 0;
CREATE INDEX conversations_holder ON conversations (holder) WHERE holder > 0;
