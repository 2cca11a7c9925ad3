"""What it costs the daemon to carry a message, against two servers that do less: see benchmarks/README.md."""
