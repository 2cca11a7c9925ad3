"""A house with locks, two tenants, and keys for everybody: some of them in the wrong hands."""

from collections.abc import Iterator

import pytest

from protocol.client import KeyPair, make_key_pair
from tests.plays.theatre import House, desk_text
from tests.plays.wire import Peer

TENANTS = ("acme", "rival")
PEERS = {"gateways": ("shop", "other", "evil"), "consoles": ("office", "home", "evil")}


class Fort(House):
    """A CURVE house with two tenants that have the same names inside."""

    def __init__(self) -> None:
        self.pairs: dict[tuple[str, str, str], KeyPair] = {
            (tenant, side, name): make_key_pair()
            for tenant in TENANTS
            for side, names in PEERS.items()
            for name in names
        }
        desks = [
            desk_text(tenant, ("anna", "boris"), capacity=50, **self.peers_of(tenant)) for tenant in TENANTS
        ]
        limits = {"logins_at_once": 1, "login_queue": 4}
        super().__init__(*desks, curve=True, http=True, limits=limits)

    def peers_of(self, tenant: str) -> dict[str, dict[str, str | None]]:
        """Return the public keys of a tenant's peers, as a desk has them."""
        return {
            side: {name: self.pairs[tenant, side, name].public for name in names}
            for side, names in PEERS.items()
        }

    def peer(self, side: str, name: str, tenant: str = "acme", routing_id: bytes = b"") -> Peer:
        """A peer connects with the key of that name, and has not said hello."""
        return self.stranger(side, self.pairs[tenant, side, name], routing_id)

    def stranger(self, side: str, keys: KeyPair | None, routing_id: bytes = b"") -> Peer:
        """A peer connects with any key, or none."""
        assert self.keys is not None
        address = self.gateways if side == "gateways" else self.consoles
        peer = Peer(address, keys, self.keys.public, routing_id=routing_id)
        return self._guests.enter_context(peer)

    def shop(self, tenant: str = "acme", name: str = "shop") -> Peer:
        """A gateway of the tenant comes in properly."""
        peer = self.peer("gateways", name, tenant)
        peer.says_hello("gateway")
        return peer

    def office(self, *agents: str, tenant: str = "acme", name: str = "office") -> Peer:
        """A console of the tenant comes in properly, and agents log in."""
        peer = self.peer("consoles", name, tenant)
        peer.says_hello("console")
        for agent in agents:
            peer.logs_in(agent)
        return peer


@pytest.fixture(scope="package")
def whole_fort() -> Iterator[Fort]:
    with Fort() as fort:
        yield fort


@pytest.fixture
def fort(whole_fort: Fort) -> Iterator[Fort]:
    """The fort, from which everybody is gone when the attack is over."""
    yield whole_fort
    whole_fort.everybody_leaves()
