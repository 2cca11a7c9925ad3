"""A real daemon, killed again and again under load; and what its clients were told, held against its journal.

``python -m tests.kills --cycles N --json``.
"""
