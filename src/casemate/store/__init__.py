"""Store: one engine for SQLite and PostgreSQL, with migrations."""

from casemate.store.engine import Store

__all__ = ["Store"]
