"""Where the journal lives: SQLite, and memory for tests. Both pass tests/daemon/test_stores.py."""
