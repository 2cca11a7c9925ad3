"""The commands of `switchboard`, one file each. Each is also a line in `daemon.commands.main`."""
