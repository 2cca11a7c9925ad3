"""Whether every branch of what must never be wrong is gone both ways by a test that means it."""
