"""Bugs that are planted in memory, each to be caught: a checker that never complains is decoration.

``python -m tests.canaries --json`` plants all of them: what has gone wrong in systems like this one, and what
else the checkers should see. Three bugs of a PostgreSQL store are not there, because the store is not: no
epoch in a second process's ``UPDATE``, an advisory lock without an epoch, positions that commit out of order.
In their place stand the epoch that SQLite's transaction does not check, the lock file that nobody takes, and
the sequence that is given twice.
"""
