"""Tiny servers to measure the daemon against."""
