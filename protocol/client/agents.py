"""The agent sessions that one connection carries. Pure."""

from __future__ import annotations

from protocol.messages import Login, LoginWithToken


class AgentSession:
    """One agent's session: how to open it, and whether it is open on this connection."""

    __slots__ = ("agent", "failures", "open", "password", "token", "waiter")

    def __init__(self, agent: str, waiter: bytes | None, password: str | None, token: str | None) -> None:
        self.agent = agent
        self.waiter = waiter
        self.password = password
        self.token = token
        self.open = False
        self.failures = 0

    def request(self, identifier: bytes) -> Login | LoginWithToken:
        """Ask for the session; a token goes before the password, for it costs the daemon less."""
        self.open = False
        if self.token is not None:
            return LoginWithToken(id=identifier, agent=self.agent, token=self.token)
        return Login(id=identifier, agent=self.agent, password=self.password or "")

    def opened(self, token: str) -> None:
        """The daemon has opened it."""
        self.token = token
        self.open = True
        self.failures = 0

    def token_refused(self) -> bool:
        """Forget the token. False when there is no password to fall back on."""
        had_token, self.token = self.token is not None, None
        return had_token and self.password is not None
