"""Measurements that anyone can repeat: each is run as ``python -m benchmarks.<name>``."""
