package postgres

// TextPiece selects bytes. PostgreSQL counts positions from 1.
func (*Database) TextPiece() string {
	return "substring(convert_to(text, 'UTF8') FROM (?::int + 1) FOR ?::int)"
}
