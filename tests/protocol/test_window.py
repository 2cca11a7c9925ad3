"""The credit window never lets the daemon run ahead, whatever the consumer says."""

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from protocol.window import Window


class WindowMachine(RuleBasedStateMachine):
    """A daemon that sends whenever it may, and a consumer that says anything at all."""

    @initialize(after=st.integers(0, 2**40), size=st.integers(1, 300))
    def begin(self, after: int, size: int) -> None:
        self.after = after
        self.window = Window(after, size)

    @precondition(lambda self: self.window.room > 0)
    @rule(share=st.floats(0, 1))
    def send(self, share: float) -> None:
        self.window.sent += max(1, int(self.window.room * share))

    @rule(ahead=st.integers(-400, 400))
    def receive(self, ahead: int) -> None:
        number, before = self.window.sent + ahead, self.window.received
        assert self.window.advance(number) is (ahead <= 0)
        assert self.window.received == (max(before, number) if ahead <= 0 else before)

    @invariant()
    def received_is_at_most_sent_and_sent_within_the_window(self) -> None:
        window = self.window
        assert self.after <= window.received <= window.sent <= window.received + window.size
        assert 0 <= window.room <= window.size


TestWindowKeepsItsInvariant = WindowMachine.TestCase


def test_a_full_window_has_no_room_until_something_is_received() -> None:
    window = Window(10, 4)
    window.sent += 4
    assert window.room == 0
    assert window.advance(12)
    assert window.room == 2


def test_a_number_that_was_never_sent_is_not_received() -> None:
    window = Window(10, 4)
    assert not window.advance(11)
    assert window.received == 10


def test_a_window_goes_on_after_a_snapshot_with_all_its_room() -> None:
    window = Window(3, 5)
    window.sent = 7
    window.skip_to(40)
    assert (window.sent, window.received, window.room) == (40, 40, 5)
