"""Tickets: what becomes of conversations, the lists and filters, and who may see what."""

from __future__ import annotations

from typing import Any

import pytest

from actors.conversation.orders import Mute, Unmute
from actors.conversation.state import Status
from daemon.archive.answers import NotFound
from daemon.archive.file import read_only
from daemon.archive.queries import VIEWS
from protocol.history import (
    FindCustomers,
    ReadHistory,
    ReadTicket,
    ReadTickets,
    SearchMessages,
    TicketView,
)
from tests.archives import Library
from tests.stage import Stage, desk_text

ID = bytes(16)
RETURN = 'kind = "messenger"\nstyle = "live_chat_with_return"'
#: ``help`` and ``sales`` are below ``head``; ``loner`` may see nothing but the own; ``boss`` everything.
DESK = desk_text(
    departments={"head": "", "help": 'parent = "head"', "sales": 'parent = "head"'},
    people={
        "a1": "",
        "a2": "",
        "seller": 'departments = ["sales"]',
        "chief": 'departments = ["head"]\nrole = "agent"',
        "loner": 'departments = ["sales"]\nrole = "alone"',
        "boss": 'departments = ["sales"]\nrole = "supervisor"',
    },
    channels={"web": "", "shop": 'department = "sales"', "back": RETURN, "sms": 'kind = "sms"'},
    extra="[roles.alone]\n",
)


class Office:
    """A stage with its archive."""

    def __init__(self) -> None:
        self.stage = Stage(desk=DESK)
        self.library = Library(self.stage)
        self.asks = self.library.asks

    def talk(self, agent: str, contact: str, text: str = "hello", channel: str = "web") -> str:
        """A customer writes and an agent accepts; nobody else is there."""
        self.stage.logs_in(agent)
        talk: str = self.stage.writes(contact, text, channel=channel).conversation
        self.stage.accepts(agent, talk)
        return talk

    def tickets(self, agent: str = "boss", view: Any = "all", **filters: Any) -> list[TicketView]:
        found = self.asks(ReadTickets(ID, agent, view, **filters))
        return list(found.tickets)

    def ids(self, agent: str = "boss", view: Any = "all", **filters: Any) -> list[str]:
        return [ticket.conversation for ticket in self.tickets(agent, view, **filters)]

    def ticket(self, conversation: str, agent: str = "boss") -> TicketView:
        view: TicketView = self.asks(ReadTicket(ID, agent, conversation)).ticket
        return view


@pytest.fixture
def office() -> Office:
    return Office()


def orders(stage: Stage, talk: str, order: Any) -> None:
    stage.turn((("conversation", "acme", talk), order))


# What becomes of a conversation.


@pytest.mark.rule("O1", "F16", "O6")
def test_a_chat_that_is_over_is_a_ticket_with_its_times_and_its_transcript(office: Office) -> None:
    stage = office.stage
    began = stage.clock.now()
    talk = stage.writes("ann", "Where is my order?").conversation
    stage.pass_time(5)
    stage.logs_in("a1")
    stage.pass_time(5)
    stage.accepts("a1", talk)
    stage.pass_time(20)
    stage.says("a1", talk, "It left us today.")
    stage.writes("ann", "Thank you")
    stage.notes("a1", talk, "A nice customer.")
    stage.pass_time(30)
    stage.ends("a1", talk, "solved")
    ticket = office.ticket(talk)
    assert (ticket.status, ticket.channel_kind, ticket.contact, ticket.agents) == (
        "closed",
        "web",
        "ann",
        ("a1",),
    )
    assert ticket.first_offered_at == began + 5
    assert ticket.first_assigned_at == began + 10
    assert (ticket.first_answered_at, ticket.first_response_s) == (began + 30, 30.0)
    assert (ticket.closed_at, ticket.solve_s) == (began + 60, 60.0)
    assert (ticket.customer_messages, ticket.agent_messages) == (2, 1)
    assert (ticket.ended_by, ticket.wrap_up_reason, ticket.missed) == ("agent", "solved", False)
    said = office.asks(ReadTicket(ID, "boss", talk)).said
    assert [(each.by, each.content.text) for each in said] == [
        ("customer", "Where is my order?"),
        ("agent", "It left us today."),
        ("customer", "Thank you"),
        ("note", "A nice customer."),
    ]


@pytest.mark.rule("O2", "D10")
def test_a_chat_that_nobody_answered_is_found_among_the_missed_with_what_was_asked(office: Office) -> None:
    stage = office.stage
    waited = stage.writes("ann", "Is anybody there?").conversation
    stage.pass_time(120)
    stage.leaves("ann")
    silent = office.talk("a1", "bob", "Hello?" + "?" * 500)
    stage.leaves("bob")
    answered = office.talk("a1", "cid")
    stage.says("a1", answered, "Hi")
    stage.leaves("cid")
    open_one = office.talk("a1", "dan")
    missed = office.tickets(view="missed")
    assert [ticket.conversation for ticket in missed] == [silent, waited]
    assert missed[1].question == "Is anybody there?"
    assert (len(missed[0].question), missed[0].question[-1]) == (200, "…")
    assert (missed[1].ended_by, missed[1].contact, missed[1].first_response_s) == ("customer", "ann", 0.0)
    assert missed[1].solved_at == 0.0
    assert open_one not in office.ids(view="missed")


@pytest.mark.rule("D10", "O2")
def test_the_daemons_own_greeting_answers_nobody(office: Office) -> None:
    office.stage.applies(
        DESK.replace(
            'parent = "head"',
            'parent = "head"\ngreeting_online = "Hi."\ngreeting_offline = "We are closed."',
            1,
        )
    )
    talk = office.stage.writes("ann", "Hello?").conversation
    office.stage.leaves("ann")
    (missed,) = office.tickets(view="missed")
    assert missed.conversation == talk
    said = office.asks(ReadTicket(ID, "boss", talk)).said
    assert [each.by for each in said] == ["customer", "daemon"]


@pytest.mark.rule("O3")
def test_a_message_within_the_gap_reopens_the_ticket_and_one_after_it_makes_a_new_one(office: Office) -> None:
    stage = office.stage
    talk = office.talk("a1", "ann", channel="back")
    stage.says("a1", talk, "Done.")
    stage.ends("a1", talk, "done")
    assert (office.ticket(talk).status, office.ids(view="solved")) == ("solved", [talk])
    stage.pass_time(600)
    stage.writes("ann", "Not yet!", channel="back")
    again = office.ticket(talk)
    assert (again.status, again.reopenings, again.solved_at, again.ended_by) == ("open", 1, 0.0, "")
    stage.ends("a1", talk, "replaced", notes="The second one.")
    stage.pass_time(3_601)
    closed = office.ticket(talk)
    assert (closed.status, closed.ended_by) == ("closed", "agent")
    assert (closed.wrap_up_reason, closed.notes) == ("replaced", "The second one.")
    assert closed.closed_at - closed.solved_at == pytest.approx(3_600, abs=2)
    stage.writes("ann", "Hello again", channel="back")
    assert len(office.ids(of_contact="ann")) == 2


@pytest.mark.rule("O3")
def test_in_live_chat_a_customer_who_comes_back_always_makes_a_new_ticket(office: Office) -> None:
    talk = office.talk("a1", "ann")
    office.stage.ends("a1", talk)
    second = office.stage.writes("ann").conversation
    assert office.ids(of_contact="ann") == [second, talk]
    assert office.ids(of_contact="ann", of_style="live_chat_with_return") == []


@pytest.mark.rule("F1")
def test_a_ticket_has_the_status_that_people_know(office: Office) -> None:
    stage = office.stage
    talk = stage.writes("ann").conversation
    assert office.ticket(talk).status == "new"
    stage.logs_in("a1")
    assert office.ticket(talk).status == "new"
    stage.accepts("a1", talk)
    assert office.ticket(talk).status == "open"
    for status in ("pending", "on_hold"):
        stage.sets_status("a1", talk, status)
        assert office.ticket(talk).status == status
        stage.writes("ann", "I am back")
        assert office.ticket(talk).status == "open"
    stage.ends("a1", talk)
    assert office.ticket(talk).status == "closed"


@pytest.mark.rule("F1", "M1", "O2")
@pytest.mark.parametrize(("before", "writes"), [("solved", True), ("pending", False)])
def test_a_ticket_is_open_again_when_do_not_disturb_is_lifted_and_it_is_its_agents_work(
    office: Office, before: str, writes: bool
) -> None:
    """It stood among the solved for as long as its agent was at work on it."""
    stage = office.stage
    talk = office.talk("a1", "ann", channel="back")
    stage.says("a1", talk, "Done.")
    if before == "solved":
        stage.ends("a1", talk, "done")
    else:
        stage.sets_status("a1", talk, before)
    orders(stage, talk, Mute("boss"))
    if writes:
        stage.writes("ann", "Not yet!", channel="back")
    orders(stage, talk, Unmute("boss"))
    assert stage.state(talk).status is Status.OPEN
    ticket = office.ticket(talk)
    assert (ticket.status, ticket.solved_at, ticket.ended_by) == ("open", 0.0, "")
    assert office.ids(view="open") == [talk]


@pytest.mark.rule("F1", "M1", "O2")
def test_a_ticket_is_as_solved_as_before_when_do_not_disturb_is_lifted_and_nobody_has_written(
    office: Office,
) -> None:
    stage = office.stage
    talk = office.talk("a1", "ann", channel="back")
    stage.says("a1", talk, "Done.")
    stage.ends("a1", talk, "done")
    solved = office.ticket(talk)
    orders(stage, talk, Mute("boss"))
    orders(stage, talk, Unmute("boss"))
    assert stage.state(talk).status is Status.SOLVED
    assert office.ticket(talk) == solved


@pytest.mark.rule("O5")
def test_the_customers_rating_is_on_the_ticket(office: Office) -> None:
    talk = office.talk("a1", "ann")
    assert office.ticket(talk).rating is None
    office.stage.ends("a1", talk)
    office.stage.rates("ann", 4, "quick")
    ticket = office.ticket(talk)
    assert (ticket.rating, ticket.rating_comment) == (4, "quick")


def test_who_has_had_a_conversation_is_on_the_ticket_in_that_order(office: Office) -> None:
    talk = office.talk("a1", "ann")
    office.stage.logs_in("a2")
    office.stage.transfers("a1", talk, "a2")
    office.stage.accepts("a2", talk)
    ticket = office.ticket(talk)
    assert (ticket.agent, ticket.agents) == ("a2", ("a1", "a2"))
    assert office.ids("a1", "mine") == office.ids("a2", "mine") == [talk]


# Lists and filters.


@pytest.mark.rule("N3", "N4")
def test_tickets_are_found_by_department_tag_agent_channel_customer_and_time(office: Office) -> None:
    stage = office.stage
    first = office.talk("a1", "ann")
    stage.tags("a1", first, ["vip", "refund"])
    stage.pass_time(100)
    second = office.talk("seller", "ann", channel="shop")
    stage.tags("seller", second, ["vip"])
    at = stage.clock.now()
    assert office.ids(department="sales") == office.ids(in_channel="shop") == [second]
    assert office.ids(tag="vip") == office.ids(of_contact="ann") == [second, first]
    assert office.ids(tag="refund") == office.ids(of_agent="a1") == [first]
    assert office.ids(tag="vip", of_agent="seller") == [second]
    assert office.ids(until=at) == office.ids(until=at, tag="refund") == [first]
    assert office.ids(since=at) == [second]
    assert office.ids(since=at + 1) == office.ids(tag="nothing") == []
    stage.tags("a1", first, [], ["refund"])
    assert office.ids(tag="refund") == []
    assert office.ticket(first).tags == ("vip",)


def test_lists_come_page_by_page_and_the_last_page_says_so(office: Office) -> None:
    made = [office.stage.writes(f"c{number}").conversation for number in range(5)]
    found: list[str] = []
    before, pages = 0, 0
    while True:
        page = office.asks(ReadTickets(ID, "boss", "all", before=before, limit=2))
        found += [ticket.conversation for ticket in page.tickets]
        before, pages = page.before, pages + 1
        if not before:
            break
    assert (found, pages) == (made[::-1], 3)


def test_an_answer_says_how_far_the_archive_was(office: Office) -> None:
    office.stage.writes("ann")
    office.library.feed()
    head = office.stage.system.head
    assert office.asks(ReadTickets(ID, "boss"), fed=False).archive.position == head
    office.stage.writes("bob")
    behind = office.asks(ReadTickets(ID, "boss"), fed=False)
    assert behind.archive.behind == office.stage.system.head - head > 0
    assert len(behind.tickets) == 1


# Who may see what.


def seen(office: Office, agent: str, *talks: str) -> list[int]:
    """Return which of the conversations an agent sees, the same through every question."""
    office.library.feed()
    listed = set(office.ids(agent))
    found = office.asks(SearchMessages(ID, agent, "secret"))
    assert {each.conversation for each in found.said} == listed
    visible = []
    for number, talk in enumerate(talks):
        try:
            office.asks(ReadTicket(ID, agent, talk))
            visible.append(number)
        except NotFound:
            pass
    assert listed == {talks[number] for number in visible}
    return visible


@pytest.mark.rule("L1", "L2", "guarantee-G15")
def test_an_agent_sees_the_own_and_what_the_role_opens_and_nothing_else(office: Office) -> None:
    helped = office.talk("a1", "ann", "a secret of help's")
    office.stage.logs_out("a1")
    sold = office.talk("loner", "bob", "a secret of sales'", channel="shop")
    office.stage.logs_out("loner")
    other = office.talk("seller", "cid", "another secret of sales'", channel="shop")
    talks = (helped, sold, other)
    assert seen(office, "a1", *talks) == seen(office, "a2", *talks) == [0]
    assert seen(office, "seller", *talks) == [1, 2]
    assert seen(office, "loner", *talks) == [1]
    assert seen(office, "chief", *talks) == [0, 1, 2]
    assert seen(office, "boss", *talks) == [0, 1, 2]


@pytest.mark.rule("guarantee-G15")
def test_customers_are_found_by_those_who_may_see_their_channel_or_a_conversation(office: Office) -> None:
    talk = office.talk("a1", "ann")
    office.stage.transfers("a1", talk, to_department="sales")
    office.stage.logs_in("loner")
    office.stage.accepts("loner", talk)

    def finds(agent: str) -> list[str]:
        return [found.contact for found in office.asks(FindCustomers(ID, agent, of_contact="ann")).customers]

    assert finds("a2") == finds("loner") == finds("seller") == finds("boss") == ["ann"]
    quiet = office.talk("a1", "bob")
    assert quiet
    found = office.asks(FindCustomers(ID, "seller", of_contact="bob"))
    assert found.customers == []


def test_no_agent_sees_anything_of_another_tenant(office: Office) -> None:
    from daemon.archive.answers import answer
    from daemon.archive.scope import Scope

    office.talk("a1", "ann", "a secret")
    office.library.feed()
    stranger = Scope("acm", "a1", True, ("help",), ("web",))
    for asked in (
        ReadTickets(ID, "a1"),
        ReadTickets(ID, "a1", "mine"),
        SearchMessages(ID, "a1", "secret"),
        FindCustomers(ID, "a1", of_contact="ann"),
        ReadHistory(ID, "a1", office.ids()[0]),
    ):
        made = office.library._made(lambda reading, asked=asked: answer(reading, stranger, 0.0, asked))
        found = [getattr(made, name, None) for name in ("tickets", "customers", "said", "visitors")]
        assert not any(found), asked
    with pytest.raises(NotFound):
        office.library._made(
            lambda reading: answer(reading, stranger, 0.0, ReadTicket(ID, "a1", office.ids()[0]))
        )


@pytest.mark.parametrize("view", ["open", "missed"])
def test_a_short_list_is_read_without_going_through_all_tickets(office: Office, view: str) -> None:
    office.library.feed()
    archive = read_only(office.library.path)
    conditions = f"t.tenant = ? AND t.number < ? AND {VIEWS[view]}"
    sql = f"SELECT number FROM ticket t WHERE {conditions} ORDER BY t.number DESC"
    plan = str(archive.execute(f"EXPLAIN QUERY PLAN {sql}", ("acme", 9)).fetchall())
    archive.close()
    assert f"ticket_{view}" in plan
    assert "TEMP B-TREE" not in plan
