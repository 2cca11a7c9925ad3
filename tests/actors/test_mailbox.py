"""A mailbox is a list whose beginning may be forgotten."""

import pytest
from hypothesis import given, strategies as st

from actors import mailbox
from actors.events.agent import LoggedOut
from actors.journal import Entry
from actors.mailbox import Mailbox

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), st.integers(1, 12), st.just(0)),
        st.tuples(st.just("advance"), st.integers(0, 60), st.just(0)),
        st.tuples(st.just("after"), st.integers(0, 60), st.integers(1, 10)),
    ),
    max_size=40,
)


@pytest.mark.rule("guarantee-G5", "guarantee-G13")
@given(STEPS)
def test_a_mailbox_gives_what_a_list_would_or_says_that_it_has_forgotten(
    steps: list[tuple[str, int, int]],
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mailbox, "RECENT", 8)
        patch.setattr(mailbox, "CROWDED", 16)
        patch.setattr(mailbox, "SLACK", 3)
        box, every, received = Mailbox("acme", "agent/a1"), list[Entry](), 0
        for what, number, limit in steps:
            if what == "put":
                box.trim()
                for _ in range(number):
                    every.append(Entry("acme", "agent", "a1", len(every) + 1, 0.0, LoggedOut("")))
                    assert box.put(every[-1]) == len(every)
            elif what == "advance":
                assert box.advance(number) == (received < number <= len(every))
                received = number if received < number <= len(every) else received
            else:
                found = box.after(number, limit)
                assert found is None or found == every[number : number + limit]
                kept = len(every) - number <= 8 and number >= received
                assert found is not None or not kept, "what is recent and not received is in memory"
            assert (box.last, box.received) == (len(every), received)
            assert len(box.recent) < 16 + 12, "as before the last turn, and what that has put"


def test_all_that_a_turn_puts_stays_in_memory_until_the_next() -> None:
    box = Mailbox("acme", "channel/web")
    every = [Entry("acme", "agent", "a1", number, 0.0, LoggedOut("")) for number in range(1, 2_001)]
    box.trim()
    for entry in every:
        box.put(entry)
    assert box.after(0, 2_000) == every
    box.trim()
    assert box.after(0, 2_000) is None
    assert box.after(2_000 - mailbox.RECENT, 2_000) == every[-mailbox.RECENT :]


def entry(number: int) -> Entry:
    return Entry("acme", "agent", "a1", number, 0.0, LoggedOut(""))


def test_who_is_up_to_date_or_ahead_gets_nothing() -> None:
    box = Mailbox("acme", "channel/web")
    assert box.after(0, 10) == []
    box.put(entry(1))
    assert box.after(0, 10) == [entry(1)]
    assert [box.after(number, 10) for number in (1, 2)] == [[], []]


@pytest.mark.rule("guarantee-G5")
def test_a_consumer_that_says_twice_what_it_has_or_has_what_there_is_not_is_no_news() -> None:
    box = Mailbox("acme", "channel/web")
    for number in range(1, 4):
        box.put(entry(number))
    assert box.advance(2)
    for number in (2, 1, 0, 4):
        assert not box.advance(number), number
        assert box.received == 2
    assert box.advance(3)


@pytest.mark.rule("guarantee-G13")
def test_what_was_received_leaves_memory_in_steps() -> None:
    box = Mailbox("acme", "channel/web")
    for number in range(1, mailbox.SLACK + 2):
        box.put(entry(number))
    assert box.advance(mailbox.SLACK - 1)
    assert box.after(0, 1) == [entry(1)], "for so few nothing is moved"
    assert box.advance(mailbox.SLACK)
    assert box.after(0, 1) is None
    assert box.recent == [entry(mailbox.SLACK + 1)]
