"""The wire and its client SDK."""
