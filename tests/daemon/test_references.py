"""References: a contact that is masked can be sent back, by this console alone."""

from __future__ import annotations

import pytest

from actors.masking import Masking
from daemon import references
from daemon.references import References
from protocol.content import Text
from protocol.customers import CustomerView, InviteVisitor, ReadCustomer
from protocol.history import CustomerFound, FindCustomers, VisitorView
from protocol.messages import ReadThread
from protocol.views import AbuseView

PHONE = "+447966197542"
ID = bytes(16)


def console() -> tuple[References, Masking]:
    mine = References()
    return mine, Masking(payment=True, personal=True).referring(mine.refer)


@pytest.mark.rule("M3", "M6")
def test_a_masked_contact_comes_with_a_reference_that_is_turned_back_into_it() -> None:
    mine, masking = console()
    seen = masking.message(CustomerView(ID, "sms", PHONE))
    assert seen.contact == "*********7542"
    assert PHONE not in seen.reference
    assert seen.reference
    asked = mine.meant(ReadCustomer(ID, "anna", "sms", seen.reference))
    assert asked == ReadCustomer(ID, "anna", "sms", PHONE)
    assert mine.meant(FindCustomers(ID, "anna", of_contact=seen.reference)).of_contact == PHONE


def test_a_contact_that_hides_nothing_needs_no_reference() -> None:
    _, masking = console()
    told = CustomerView(ID, "web", "visitor-1")
    assert masking.message(told) is told


def test_every_view_of_a_customer_who_has_no_conversation_has_a_reference() -> None:
    mine, masking = console()
    for view in (
        AbuseView("sms", PHONE, "anna", 1.0, "c1"),
        CustomerFound("sms", PHONE),
        VisitorView("web", PHONE, 1.0),
    ):
        seen = masking.message(view)
        asked = mine.meant(InviteVisitor(ID, "anna", "web", seen.reference, Text("May I help?")))
        assert asked.contact == PHONE


def test_a_reference_is_the_same_each_time_and_means_nothing_to_another_console() -> None:
    (mine, masking), (other, _) = console(), console()
    first = masking.message(CustomerView(ID, "sms", PHONE)).reference
    assert masking.message(CustomerView(ID, "sms", PHONE)).reference == first
    asked = ReadCustomer(ID, "anna", "sms", first)
    assert other.meant(asked) is asked
    assert mine.meant(ReadThread(ID, "anna", "c1", after=3)) == ReadThread(ID, "anna", "c1", after=3)


def test_the_oldest_reference_is_forgotten_for_the_newest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(references, "REMEMBERED_MAX", 2)
    mine = References()
    first, second, third = (mine.refer(contact) for contact in ("one", "two", "three"))
    for reference, contact in ((first, first), (second, "two"), (third, "three")):
        assert mine.meant(ReadCustomer(ID, "anna", "sms", reference)).contact == contact
    assert mine.refer("one") != first
