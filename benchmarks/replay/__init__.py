"""Replays real dialogues through a running daemon and compares what everybody saw with the source."""
