"""One house for the plays that leave it standing; each of them brings a tenant of its own."""

from collections.abc import Iterator
from itertools import count

import pytest

from tests.plays.theatre import Console, Gateway, House, desk_text

_tenants = count(1)


class Town:
    """A tenant of the shared house, for one play."""

    def __init__(self, house: House, tenant: str) -> None:
        self.house = house
        self.tenant = tenant

    def opens(self, *agents: str, **settings: object) -> "Town":
        """Bring the tenant's desk into force."""
        self.house.apply(desk_text(self.tenant, agents or ("anna", "boris"), **settings))  # type: ignore[arg-type]
        return self

    def gateway(self, **options: object) -> Gateway:
        """The tenant's gateway comes in."""
        return self.house.gateway(f"{self.tenant}:shop", **options)

    def console(self, name: str = "office") -> Console:
        """A console of the tenant comes in."""
        return self.house.console(f"{self.tenant}:{name}")


@pytest.fixture(scope="package")
def shared_house() -> Iterator[House]:
    with House(desk_text("first"), timing={"heartbeat_s": 2, "lease_s": 10}) as house:
        yield house


@pytest.fixture
def town(shared_house: House) -> Iterator[Town]:
    """A tenant whose desk the play opens."""
    yield Town(shared_house, f"town{next(_tenants)}")
    shared_house.everybody_leaves()
