"""What is known of a customer: every command has an answer whether he is online or not."""

from __future__ import annotations

import copy
from typing import Any

import msgspec
import pytest
from hypothesis import given, strategies as st

from actors import events
from actors.conversation.orders import Refusal
from actors.customer.machine import (
    PAGES_MAX,
    TABLE,
    TRIGGERS_MAX,
    Customer,
    Mark,
    Page,
    Silent,
    Visit,
    apply,
    decide,
    known,
)
from protocol.channels import CustomerActed
from protocol.customers import Block, SetDoNotDisturb, VisitorEntered, VisitorLeft, VisitorViewed
from protocol.errors import Code

NOW, ID = 1_700_000_000.0, bytes(16)
ENTERED = VisitorEntered(ID, "web", "ann", "/boots", "Boots", "/", "Ann", "uk", "Firefox", "Linux", "Lviv")
COMMANDS: dict[type[Any], tuple[Any, list[str], list[str]]] = {
    # not online, online
    VisitorEntered: (ENTERED, ["VisitBegun"], ["VisitBegun"]),
    VisitorViewed: (VisitorViewed(ID, "web", "ann", "/b"), ["VisitBegun", "PageViewed"], ["PageViewed"]),
    VisitorLeft: (VisitorLeft(ID, "web", "ann"), [], ["VisitEnded"]),
    Silent: (Silent(), [], ["VisitEnded"]),
    CustomerActed: (CustomerActed(ID, "web", "ann", "scan"), ["Acted"], ["Acted"]),
    SetDoNotDisturb: (SetDoNotDisturb(ID, "a1", "c1"), ["DoNotDisturbSet"], ["DoNotDisturbSet"]),
    Block: (Block(ID, "a1", "c1"), ["Blocked"], ["Blocked"]),
}


def online(*pages: Page) -> Customer:
    return Customer(1, visit=Visit(NOW - 60, pages=pages))


def after(state: Customer, *happened: Any, at: float = NOW) -> Customer:
    state = copy.deepcopy(state)
    for event in happened:
        apply(state, event, state.sequence + 1, at)
    return state


@pytest.mark.parametrize("there", [False, True])
@pytest.mark.parametrize("kind", COMMANDS, ids=lambda kind: kind.__name__)
def test_every_pair_has_the_answer_that_was_agreed(kind: type[Any], there: bool) -> None:
    assert [set(rules) for rules in TABLE.values()] == [set(COMMANDS)] * 2
    command, away, here = COMMANDS[kind]
    state = online() if there else Customer()
    before = copy.deepcopy(state)
    outcome = decide(state, command)
    assert state == before
    assert not isinstance(outcome, Refusal)
    assert [type(event).__name__ for event in outcome] == (here if there else away)


def refresh(state: Customer, command: VisitorEntered) -> list[Any]:
    outcome = decide(state, command)
    assert not isinstance(outcome, Refusal)
    return outcome


@pytest.mark.rule("C2")
def test_a_visitor_who_is_told_of_again_leaves_no_trace_unless_something_differs() -> None:
    there = after(Customer(), *refresh(Customer(), ENTERED))
    assert refresh(there, ENTERED) == []
    assert refresh(there, VisitorEntered(ID, "web", "ann", **{**about(ENTERED), "page": ""})) == []
    for name, other in (("page", "/hats"), ("place", "Odesa"), ("name", "Anna"), ("authenticated", True)):
        (event,) = refresh(there, VisitorEntered(ID, "web", "ann", **{**about(ENTERED), name: other}))
        assert getattr(event, name) == other
        again = after(there, event, at=NOW + 5)
        assert again.visit is not None
        assert (again.visit.since, again.online) == (NOW, True), "it is still the same visit"
        assert [page.page for page in again.visit.pages] == ["/boots", "/hats"][: 2 if name == "page" else 1]


def about(entered: VisitorEntered) -> dict[str, Any]:
    names = set(entered.__struct_fields__) - {"id", "channel", "contact"}
    return {name: getattr(entered, name) for name in names}


@pytest.mark.rule("C6")
def test_the_newest_hundred_pages_of_a_visit_are_kept_and_a_new_visit_begins_with_none() -> None:
    state = after(Customer(), events.VisitBegun("/0"))
    for number in range(1, PAGES_MAX + 5):
        state = after(state, events.PageViewed(f"/{number}"), at=NOW + number)
    assert state.visit is not None
    assert [page.page for page in state.visit.pages] == [f"/{n}" for n in range(5, PAGES_MAX + 5)]
    gone = after(state, events.VisitEnded(), at=NOW + 1000)
    assert not gone.online
    assert gone.visit is not None
    assert gone.visit.pages == state.visit.pages, "what was seen is still known"
    back = after(gone, events.VisitBegun("/home"), at=NOW + 2000)
    assert back.visit is not None
    assert (back.visit.since, back.visit.pages) == (NOW + 2000, (Page(NOW + 2000, "/home"),))


@pytest.mark.rule("J2")
def test_names_change_at_any_time_and_an_empty_one_changes_nothing() -> None:
    state = after(Customer(), events.VisitBegun(name="Ann", language="uk"))
    assert (known(state).name, known(state).language) == ("Ann", "uk")
    state = after(state, events.VisitBegun(name="Anna"), events.VisitEnded(), events.VisitBegun())
    assert (known(state).name, known(state).language) == ("Anna", "uk")


def test_what_may_open_a_window_is_handed_on_with_the_newest_time_of_each_kind() -> None:
    state = after(Customer(), events.Acted("follow"), at=NOW)
    state = after(state, events.Acted("scan"), at=NOW + 1)
    state = after(state, events.Acted("follow"), at=NOW + 2)
    assert known(state).triggers == (("scan", NOW + 1), ("follow", NOW + 2))
    state = after(state, events.VisitBegun(), at=NOW + 3)
    assert known(state).triggers[-1] == ("connect", NOW + 3)
    assert "connect" not in dict(known(after(state, events.VisitEnded())).triggers)
    for number in range(2 * TRIGGERS_MAX):
        state = after(state, events.Acted(f"kind {number}"))
    assert len(state.triggers) == TRIGGERS_MAX


@pytest.mark.rule("M1", "M2")
@pytest.mark.parametrize("make", [SetDoNotDisturb, Block])
def test_what_is_so_already_is_refused_and_says_so(make: Any) -> None:
    on, off = make(ID, "a1", "c1"), make(ID, "a1", "c1", on=False)
    refused = decide(Customer(), off)
    assert isinstance(refused, Refusal)
    assert (refused.code, "not" in refused.message) == (Code.ALREADY_SO, True)
    marked = after(Customer(), *refresh(Customer(), on))
    assert Mark("a1", NOW, "c1") in (marked.do_not_disturb, marked.blocked)
    refused = decide(marked, on)
    assert isinstance(refused, Refusal)
    assert (refused.code, "already" in refused.message) == (Code.ALREADY_SO, True)
    lifted = after(marked, *refresh(marked, off))
    assert (lifted.do_not_disturb, lifted.blocked) == (None, None)


@pytest.mark.parametrize("event", [events.PageViewed("/late"), events.VisitEnded()])
def test_what_is_told_of_a_visit_that_nobody_knows_changes_nothing(event: Any) -> None:
    assert after(Customer(), event) == Customer(sequence=1)


HAPPENED = st.one_of(
    st.builds(events.VisitBegun, page=st.sampled_from(["", "/a", "/b"]), name=st.sampled_from(["", "Ann"])),
    st.builds(events.PageViewed, page=st.sampled_from(["/a", "/b"])),
    st.builds(events.VisitEnded),
    st.builds(events.Acted, trigger=st.sampled_from(["follow", "scan"])),
    st.builds(events.DoNotDisturbSet, on=st.booleans(), by=st.just("a1"), conversation=st.just("c1")),
    st.builds(events.Blocked, on=st.booleans(), by=st.just("a1"), conversation=st.just("c1")),
)


@given(st.lists(HAPPENED, max_size=30))
def test_whatever_happens_the_state_is_what_a_snapshot_of_it_says_and_a_fold_is_no_surprise(
    happened: list[Any],
) -> None:
    """Total: any event in any state. Then every command has its answer, and what it causes is so at once."""
    state = after(Customer(), *happened)
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(state), type=Customer) == state
    assert state.sequence == len(happened)
    visits = [event for event in happened if isinstance(event, events.VisitBegun | events.VisitEnded)]
    begun = any(isinstance(event, events.VisitBegun) for event in visits)
    assert state.online == (begun and isinstance(visits[-1], events.VisitBegun))
    for command, *_ in COMMANDS.values():
        outcome = decide(state, command)
        if isinstance(outcome, Refusal):
            assert outcome.code is Code.ALREADY_SO
            continue
        changed = after(state, *outcome)
        if isinstance(command, VisitorEntered | VisitorViewed):
            assert changed.online
        elif isinstance(command, VisitorLeft | Silent):
            assert not changed.online
