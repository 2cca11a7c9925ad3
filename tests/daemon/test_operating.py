"""What operators ask and order about a tenant's work: why, the order of a queue, a shadow desk, how it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from config.problems import ConfigurationError
from daemon.commands.check import PLAIN
from daemon.desks import Desks
from daemon.operating import Operating
from daemon.orders import Later
from protocol.messages import Decline, SetPresence
from tests.daemon.test_authorization import DESK, Scene, desk


class Reader:
    """Reads the journal at once; or is too busy."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.busy = False
        self.broken = False

    def fetch(self, positions: list[int], make: Callable[[Any], Any], done: Callable[[Any], None]) -> bool:
        if self.busy:
            return False
        entries = [self.scene.door.system.entry_at(position) for position in positions]
        done(OSError("the disk") if self.broken else make(entries))
        return True


class Archive:
    """Notes that it is to be made anew."""

    def __init__(self) -> None:
        self.rebuilds = 0

    def rebuild(self) -> None:
        self.rebuilds += 1

    def status(self) -> dict[str, Any]:
        return {"position": 7, "behind": 2}


class Office:
    """An operator beside a scene."""

    def __init__(self) -> None:
        self.scene = Scene()
        system = self.scene.door.system
        self.desks = Desks(system, lambda: PLAIN, lambda _: None)
        self.reader: Any = Reader(self.scene)
        self.archive: Any = Archive()
        self.operating = Operating(system, self.desks, self.reader, self.archive)

    def asks(self, do: str, **fields: Any) -> Any:
        """Return the answer to a request, carried out in a turn of its own."""
        door = self.scene.door
        door.system.begin(door.stage.clock.now())
        answer = self.operating.plan({"do": do, **fields})()
        if isinstance(answer, Later):
            found: list[Any] = []
            answer.begin(found.append)
            (answer,) = found
        door.turn()
        return answer


@pytest.fixture
def office() -> Office:
    return Office()


# Why.


def test_a_conversation_is_explained_with_all_its_decisions(office: Office) -> None:
    answer = office.asks("explain", conversation=office.scene.talk)
    about = {key: answer[key] for key in ("ok", "tenant", "status", "department", "assignee")}
    assert about == {
        "ok": True,
        "tenant": "acme",
        "status": "open",
        "department": "help",
        "assignee": "owner",
    }
    assert [each["outcome"] for each in answer["decisions"] if each["agent"]] == ["accepted"]


def test_why_not_and_why_idle_answer_with_reasons(office: Office) -> None:
    scene = office.scene
    answer = office.asks("explain", conversation=scene.waits, agent="peer")
    assert "transfer_only" in [reason["code"] for reason in answer["reasons"]]
    idle = office.asks("explain", idle=True, agent="peer")
    assert (idle["agent"], idle["ok"]) == ("peer", True)
    assert idle["reasons"]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"conversation": "nothing"}, 'no conversation "nothing". `switchboard tail` shows ids.'),
        ({"conversation": "id-000001x"}, 'no conversation "id-000001x". Did you mean id-000001'),
        ({"conversation": "id-000001", "agent": "ownr"}, 'no agent "ownr". Did you mean "owner"?'),
        ({"idle": True, "agent": "ownr"}, 'no agent "ownr". Did you mean "owner"?'),
        ({"conversation": "id-000001", "tenant": "amce"}, 'no tenant "amce". Did you mean "acme"?'),
    ],
)
def test_what_does_not_exist_is_said_with_what_may_be_meant(
    office: Office, fields: dict[str, Any], words: str
) -> None:
    answer = office.asks("explain", **fields)
    assert (answer["ok"], answer["unknown"]) == (False, True)
    assert answer["error"].startswith(words)


def test_a_journal_that_cannot_be_read_now_is_said(office: Office) -> None:
    office.reader.busy = True
    assert "try again" in office.asks("explain", conversation=office.scene.talk)["error"]
    office.reader.busy, office.reader.broken = False, True
    assert "the disk" in office.asks("explain", conversation=office.scene.talk)["error"]


def test_what_nobody_knows_how_to_do_is_refused(office: Office) -> None:
    assert office.asks("dance") == {"ok": False, "error": "nobody knows how to do 'dance'", "problems": []}


# The order of a queue.


@pytest.mark.rule("D2")
def test_the_order_of_a_queue_is_shown_changed_and_the_desks_again(office: Office) -> None:
    shown = office.asks("order", department="help", order=None)
    assert (shown["order"], shown["of_desk"], shown["waiting"]) == ("longest_wait", True, 1)
    changed = office.asks("order", department="help", order="newest", until_backlog=True)
    assert (changed["order"], changed["of_desk"], changed["until"]) == ("newest", False, "backlog")
    again = office.asks("order", department="help", order="")
    assert (again["order"], again["of_desk"]) == ("longest_wait", True)


@pytest.mark.rule("D2")
def test_an_order_survives_a_restart_and_ends_with_its_department(office: Office) -> None:
    office.asks("order", department="sales", order="newest")
    stage = office.scene.door.stage
    stage.restart()
    dispatcher: Any = stage.system.actors["dispatcher", "acme", ""]
    assert dispatcher.order_of("sales") == "newest"
    without = desk().replace('[departments.sales]\nname = "Sales"\nparent = "head"\n', "")
    stage.applies(without.replace('departments = ["sales"]', 'departments = ["head"]'))
    stage.applies(desk())
    assert dispatcher.order_of("sales") == "longest_wait"


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"department": "halp", "order": "newest"}, 'no department "halp". Did you mean "help"?'),
        ({"department": "help", "order": "newst"}, 'no order "newst"; there are longest_wait, newest'),
    ],
)
def test_an_order_of_nothing_is_refused(office: Office, fields: dict[str, Any], words: str) -> None:
    answer = office.asks("order", **fields)
    assert (answer["ok"], answer["error"].startswith(words)) == (False, True)


# The shadow.


def test_a_shadow_desk_decides_until_it_is_taken_away(office: Office) -> None:
    answer = office.asks("shadow", text=desk(()), file="desk.toml")
    assert (answer["ok"], answer["shadow"], answer["tenant"]) == (True, True, "acme")
    dispatcher: Any = office.scene.door.system.actors["dispatcher", "acme", ""]
    assert dispatcher.shadow is not None
    shadow = office.operating.status()["acme"]["shadow"]
    assert shadow["desk"] == dispatcher.state.shadow_digest[:8]
    assert office.asks("shadow")["shadow"] is False
    assert dispatcher.shadow is None
    assert office.operating.status()["acme"]["shadow"] is None


def test_a_shadow_that_has_decided_nothing_agrees_with_nobody(office: Office) -> None:
    office.asks("shadow", text=desk(), file="desk.toml")
    assert office.operating.status()["acme"]["shadow"]["agreement"] == "nothing compared yet"


def test_a_shadow_of_nobody_and_a_wrong_one_are_refused(office: Office) -> None:
    stranger = desk().replace('tenant = "acme"', 'tenant = "books"')
    assert "no tenant books" in office.asks("shadow", text=stranger)["error"]
    with pytest.raises(ConfigurationError):
        office.operating.plan({"do": "shadow", "text": "tenant = 1"})


# How it stands.


def test_the_status_has_queues_people_load_and_the_audit(office: Office) -> None:
    scene = office.scene
    scene.door.stage.clock.advance(5)
    scene.door.says("console", DESK, SetPresence(scene.door.new_id(), "other", "away"))
    found = office.operating.status()["acme"]
    assert found["queues"] == {"help": {"waiting": 1, "longest_s": 5, "order": "longest_wait"}}
    assert found["agents"] == {"transfer_only": 3, "away": 1, "load": "1 of 16 units"}
    assert set(found["audit"]) == {"rounds", "compared", "violations"}


# Desks.


def test_a_department_in_which_somebody_waits_or_is_offered_cannot_be_taken_away() -> None:
    office = Office()
    scene = office.scene
    without = desk().replace('[departments.help]\nname = "Help"\nparent = "head"\n', "")
    without = without.replace('departments = ["help"]', 'departments = ["head"]')
    without = without.replace('department = "help"', 'department = "head"')
    prepared = office.desks.prepare(desk(), "desk.toml")
    assert prepared.tenant == "acme"
    with pytest.raises(ConfigurationError, match=r"departments\.help: is missing, but 1 conversations wait"):
        office.desks.prepare(without, "desk.toml")
    scene.door.says("console", DESK, SetPresence(scene.door.new_id(), "owner", "online"))
    offer = scene.door.stage.live_offer(scene.waits)
    with pytest.raises(ConfigurationError, match=r"departments\.help: is missing"):
        office.desks.prepare(without, "desk.toml")
    scene.does(Decline(scene.door.new_id(), "owner", scene.waits, offer))
    scene.door.stage.leaves("bob")
    assert office.desks.prepare(without, "desk.toml").tenant == "acme"


def test_the_archive_is_shown_and_made_anew(office: Office) -> None:
    assert office.asks("archive") == {"ok": True, "position": 7, "behind": 2}
    assert office.archive.rebuilds == 0
    assert office.asks("archive", rebuild=True) == {"ok": True}
    assert office.archive.rebuilds == 1
