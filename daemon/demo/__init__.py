"""`switchboard demo`: a sample desk, and people who play customers and agents on it."""
