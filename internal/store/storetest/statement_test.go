package storetest

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestUnbound(t *testing.T) {
	tables := []string{"conversations", "messages", "chunks", "embeddings"}
	for statement, want := range map[string]string{
		// Statements that are limited.
		"SELECT * FROM conversations WHERE workspace_id = ?":                                                                                           "",
		"SELECT * FROM `conversations` WHERE `conversations`.`workspace_id` = ? AND title <> 'a OR b'":                                                 "",
		`SELECT * FROM "conversations" WHERE ("id" = $2) AND ($1 = "workspace_id")`:                                                                    "",
		"SELECT 1 FROM conversations AS c JOIN messages m ON m.workspace_id = c.workspace_id WHERE c.workspace_id=$1":                                  "",
		"SELECT 1 FROM messages m JOIN conversations c USING (workspace_id, id) WHERE c.workspace_id = 7":                                              "",
		"SELECT 1 FROM conversations c LEFT JOIN messages m ON m.workspace_id = c.workspace_id WHERE c.workspace_id = ?":                               "",
		"SELECT (SELECT count(*) FROM messages AS m WHERE m.workspace_id = c.workspace_id) FROM conversations c WHERE (c.workspace_id = ?)":            "",
		"WITH x AS MATERIALIZED (SELECT id FROM chunks WHERE workspace_id = ?) SELECT * FROM x, messages WHERE messages.workspace_id = ? AND x.id = 1": "",
		"DELETE FROM conversations WHERE (workspace_id, id) IN (SELECT a, b FROM unnest(?) AS u (a, b)) RETURNING id":                                  "",
		"UPDATE conversations SET title = ?, pinned = ? WHERE id = ? AND workspace_id = ?":                                                             "",
		"INSERT INTO messages (workspace_id, text) VALUES (?, ?) ON CONFLICT (workspace_id, id) DO UPDATE SET text = excluded.text":                    "",
		"INSERT INTO messages (workspace_id, text) SELECT w, t FROM json_to_recordset(?) AS r (w bigint, t text)":                                      "",
		"COPY messages (workspace_id, text)":                                           "",
		"SELECT 1 FROM workspaces":                                                     "",
		"SELECT a IS DISTINCT FROM b FROM workspaces -- FROM messages":                 "",
		"CREATE INDEX x ON embeddings (vector)":                                        "",
		"VACUUM embeddings":                                                            "",
		"SELECT 1 FROM messages WHERE workspace_id = ? AND (sender = ? OR sender = ?)": "",

		// Statements that are not limited. A search for the substring workspace_id would accept most of them.
		"SELECT * FROM conversations":                                                                         "conversations",
		"SELECT workspace_id FROM conversations":                                                              "conversations",
		"SELECT * FROM conversations WHERE workspace_id <> ?":                                                 "conversations",
		"SELECT * FROM conversations WHERE workspace_id = ? OR pinned":                                        "conversations",
		"SELECT * FROM conversations WHERE (id = ? OR workspace_id = ?)":                                      "conversations",
		"SELECT * FROM conversations WHERE NOT (workspace_id = ?)":                                            "conversations",
		"SELECT * FROM conversations WHERE workspace_id NOT IN (?)":                                           "conversations",
		"SELECT * FROM conversations ORDER BY workspace_id = ?":                                               "conversations",
		"SELECT * FROM conversations WHERE title = 'workspace_id = 1'":                                        "conversations",
		"SELECT * FROM conversations -- WHERE workspace_id = ?":                                               "conversations",
		"SELECT * FROM conversations c, messages m WHERE c.workspace_id = ?":                                  "messages",
		"SELECT * FROM conversations c JOIN messages m ON m.conversation_id = c.id WHERE c.workspace_id = ?":  "messages",
		"SELECT * FROM conversations c JOIN messages m ON m.workspace_id = c.workspace_id":                    "conversations messages",
		"SELECT * FROM conversations c LEFT JOIN messages m ON c.workspace_id = ? AND m.workspace_id = ?":     "conversations",
		"SELECT (SELECT count(*) FROM messages) FROM conversations WHERE workspace_id = ?":                    "messages",
		"SELECT 1 FROM messages WHERE workspace_id = ? UNION ALL SELECT 1 FROM messages":                      "messages",
		"WITH x AS (SELECT id FROM chunks) SELECT * FROM x JOIN messages m ON m.workspace_id = ?":             "chunks",
		"DELETE FROM conversations WHERE id IN (SELECT conversation_id FROM messages WHERE workspace_id = ?)": "conversations",
		"UPDATE conversations SET workspace_id = ? WHERE id = ?":                                              "conversations",
		"UPDATE conversations SET title = (SELECT text FROM messages WHERE workspace_id = ?) WHERE id = ?":    "conversations",
		"INSERT INTO messages (text) VALUES (?)":                                                              "messages",
		"INSERT INTO messages SELECT * FROM chunks WHERE workspace_id = ?":                                    "messages",
		"COPY messages (text)":                  "messages",
		"EXPLAIN SELECT 1 FROM public.messages": "messages",
	} {
		t.Run(statement, func(t *testing.T) {
			require.Equal(t, want, strings.Join(unbound(statement, tables), " "))
		})
	}
}
