"""Whether the daemon stays as it is while it carries messages for a long time: see benchmarks/README.md."""
