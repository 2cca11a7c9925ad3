"""Replays talk that has time stamps at a multiple of its speed, with everybody at once."""
