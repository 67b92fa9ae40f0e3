"""Store: one engine for SQLite and PostgreSQL, with migrations."""
