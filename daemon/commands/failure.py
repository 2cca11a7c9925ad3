"""How a command says that it cannot do what was asked."""

from daemon.exits import Exit


class Failure(Exception):
    """Ends a command: what went wrong, where, what to do about it, and the exit code."""

    def __init__(self, what: str, code: Exit) -> None:
        super().__init__(what)
        self.exit = code
