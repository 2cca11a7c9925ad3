"""The decisions about a conversation, as its events tell them."""

from __future__ import annotations

from collections.abc import Sequence

from actors import events
from actors.conversation.explanation import decisions
from actors.events import AnyEvent
from actors.events.base import Why
from actors.journal import Entry
from daemon.commands.explain import OUTCOMES

WHY = Why(trigger="arrival", rule="longest_wait", choice="least_loaded", considered=2, excluded={"away": 1})


def told(*happened: AnyEvent) -> list[tuple[str, str]]:
    """Return agent and outcome of each decision."""
    return [(each.agent, each.outcome) for each in decisions(stream(happened))]


def stream(happened: Sequence[AnyEvent]) -> list[Entry]:
    return [
        Entry("acme", "conversation", "k1", number, 1000.0 + number, event, ())
        for number, event in enumerate(happened, 1)
    ]


def offered(offer: str, agent: str) -> events.Offered:
    return events.Offered(offer, agent, 0.0, "help", "web", "c1", "", 0.0, WHY)


def assigned(offer: str, agent: str, how: str, why: Why | None = None) -> events.Assigned:
    return events.Assigned(offer, agent, "help", "web", "c1", 0.0, how=how, why=why)


def test_a_decision_keeps_all_that_the_journal_has_of_it() -> None:
    (view,) = decisions(stream([offered("o1", "anna")]))
    assert (view.agent, view.outcome, view.sequence, view.at) == ("anna", "open", 1, 1001.0)
    found = {name: getattr(view, name) for name in ("trigger", "rule", "choice", "considered", "excluded")}
    assert found == {name: getattr(WHY, name) for name in found}


def test_every_offer_has_what_came_of_it_where_it_was_made() -> None:
    assert told(
        events.Queued("help", 0.0, "arrival"),
        offered("o1", "anna"),
        events.OfferDeclined("o1", "anna"),
        offered("o2", "boris"),
        events.OfferExpired("o2", "boris"),
        offered("o3", "wei"),
        events.OfferWithdrawn("o3", "wei", "offline"),
        offered("o4", "anna"),
        assigned("o4", "anna", "accepted"),
    ) == [
        ("", "queued"),
        ("anna", "declined"),
        ("boris", "expired"),
        ("wei", "withdrawn"),
        ("anna", "accepted"),
    ]


def test_what_was_taken_or_given_without_an_offer_is_a_decision_of_its_own() -> None:
    found = decisions(stream([assigned("", "anna", "taken", WHY), assigned("", "wei", "handed_over")]))
    assert [(each.agent, each.outcome, each.rule) for each in found] == [
        ("anna", "taken", "longest_wait"),
        ("wei", "handed_over", ""),
    ]


def test_a_transfer_and_the_offer_it_leads_to_are_told_apart() -> None:
    assert told(
        events.TransferStarted("anna", "anna", "wei"),
        offered("o1", "wei"),
        events.OfferDeclined("o1", "wei"),
        events.TransferEnded("anna", "declined"),
    ) == [("wei", "transfer declined"), ("wei", "declined")]


def test_whoever_lost_it_and_where_it_went_is_told() -> None:
    assert told(events.Released("anna", "help", 0.0, "offline"), events.Queued("help", 0.0, "offline")) == [
        ("anna", "released"),
        ("", "queued"),
    ]


def test_an_end_whose_beginning_is_no_longer_kept_is_passed_over() -> None:
    assert told(events.OfferDeclined("gone", "anna"), events.TransferEnded("anna", "expired")) == []


def test_whoever_decided_it_and_into_which_queue_it_went_is_told() -> None:
    found = decisions(
        stream(
            [
                events.Queued("help", 0.0, "arrival"),
                events.TransferStarted("boss", "anna", "", "sales"),
                events.Assigned("", "wei", "sales", "web", "c1", 0.0, how="handed_over", by="anna"),
                events.Released("wei", "sales", 0.0, "offline"),
            ]
        )
    )
    assert [(each.by, each.department) for each in found] == [
        ("", "help"),
        ("boss", "sales"),
        ("anna", ""),
        ("", "sales"),
    ]


def test_who_gets_it_back_without_the_dispatcher_is_told_too() -> None:
    history = [
        events.Reopened("customer", "anna", "reply"),
        events.Reopened("customer", "", "reply"),
        events.Reopened("boris", "boris", "history"),
        events.Muted("boss", "boris"),
        events.Unmuted("boss", "boris"),
        events.Unmuted("boss"),
    ]
    found = [(each.agent, each.outcome, each.by) for each in decisions(stream(history))]
    assert found == [
        ("anna", "returned", ""),
        ("boris", "reopened", "boris"),
        ("boris", "muted", "boss"),
        ("boris", "unmuted", "boss"),
    ]
    assert {outcome for _, outcome, _ in found} <= set(OUTCOMES)
