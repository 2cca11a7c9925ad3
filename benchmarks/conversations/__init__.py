"""Measures what conversations cost: memory, waking, starting, stopping, and a message among a million."""
