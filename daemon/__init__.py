"""The process: bootstrap, reactor, connections, stores, metrics, health, commands."""
