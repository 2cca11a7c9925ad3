"""What the SDK raises besides the errors of the wire.

SwitchboardError
├── ConnectionLost
│   ├── ConnectionReplaced  another client with the same key has taken over
│   └── ClientClosed        this client was closed
└── KeyFileError            a key file cannot be used
"""

from __future__ import annotations

from protocol.errors import ConnectionLost, SwitchboardError


class ConnectionReplaced(ConnectionLost):
    """Another client with the same key has taken over; this one has stopped for good."""


class ClientClosed(ConnectionLost):
    """This client was closed; a command without an answer may or may not have been stored (G2)."""


class KeyFileError(SwitchboardError):
    """A key file cannot be used as it is."""

    def __init__(self, path: object, problem: str) -> None:
        super().__init__(f"{path}: {problem}")
        self.path = path
        self.problem = problem
