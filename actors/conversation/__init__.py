"""A conversation: one table of what may happen to it, and the shell that carries it out."""
