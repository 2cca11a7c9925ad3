"""What becomes of messages on their way to the customer (G6): reports, retries, order, time, restarts."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from actors.conversation import outbox
from actors.conversation.outbox import KEPT, RANKS
from actors.events.conversation import DeliveryReported
from protocol.channels import DeliveryChanged, DeliveryReport
from protocol.messages import Ack, Refused
from protocol.teamwork import AutomaticReply
from tests.actors.test_window import NOW
from tests.stage import Stage, desk_text

LINES = {
    "line": 'receipts = "read"',
    "passing": 'receipts = "delivered"\nhead_of_line = "pass"',
    "sms": 'kind = "sms"\nreceipts = "sent"',
    "wechat": 'kind = "wechat-official-account"\nreceipts = "sent"\ndelivery_attempts_max = 3',
}
HOUR = 3600.0


def a_stage(more: str = "") -> Stage:
    stage = Stage(desk=desk_text(channels={name: f"{lines}\n{more}" for name, lines in LINES.items()}))
    stage.clock.advance(NOW - stage.clock.now())
    stage.logs_in("a1")
    return stage


@pytest.fixture
def stage() -> Stage:
    return a_stage()


def talks(stage: Stage, channel: str = "line", contact: str = "ann") -> str:
    talk: str = stage.writes(contact, "hello", channel=channel).conversation
    assert isinstance(stage.accepts("a1", talk), Ack)
    return talk


def says(stage: Stage, talk: str, text: str = "hello") -> int:
    answer = stage.says("a1", talk, text)
    assert isinstance(answer, Ack), answer
    return answer.sequence


def reports(stage: Stage, talk: str, sequence: int, state: str, **more: Any) -> Any:
    channel = stage.state(talk).channel
    message = DeliveryReport(stage.command_id(), channel, talk, sequence, state, **more)
    return stage.tell(("conversation", "acme", talk), message, "gateway/web")


def state_of(stage: Stage, talk: str, sequence: int) -> str:
    item = stage.state(talk).outbox.get(sequence)
    return item.state if item is not None else "not followed"


def given(stage: Stage, channel: str = "line") -> list[tuple[str, int, int]]:
    """Return text, sequence and attempt of what the gateway was given, in the order of its stream."""
    found = []
    for delivered in stage.mail.get(f"channel/{channel}", []):
        news: Any = delivered.news
        if type(news).__name__ == "AgentSaid":
            found.append((news.content.text, delivered.sequence, news.attempt))
    return found


def changes(stage: Stage, agent: str = "a1") -> list[tuple[int, str, str]]:
    mail = stage.mail.get(f"agent/{agent}", [])
    news = [delivered.news for delivered in mail if isinstance(delivered.news, DeliveryChanged)]
    return [(each.sequence, each.state, each.code) for each in news]


@pytest.mark.rule("guarantee-G6")
def test_a_message_goes_from_queued_to_read_and_its_agent_sees_each_step(stage: Stage) -> None:
    talk = talks(stage)
    sequence = says(stage, talk)
    assert state_of(stage, talk, sequence) == "queued"
    for state in ("sent", "delivered", "read"):
        assert isinstance(reports(stage, talk, sequence, state, provider_id="m1"), Ack)
        assert state_of(stage, talk, sequence) == state
    assert changes(stage) == [(sequence, state, "") for state in ("sent", "delivered", "read")]


@pytest.mark.rule("guarantee-G6")
def test_states_only_move_up_and_a_report_of_less_is_acknowledged_and_changes_nothing(stage: Stage) -> None:
    """Chatwoot#14529: delivered became sent again."""
    talk = talks(stage)
    sequence = says(stage, talk)
    reports(stage, talk, sequence, "delivered")
    head = stage.system.head
    for state in ("sent", "delivered", "unknown", "queued", "failed", "expired", "retry"):
        assert isinstance(reports(stage, talk, sequence, state), Ack)
        assert state_of(stage, talk, sequence) == "delivered"
    assert stage.system.head == head
    reports(stage, talk, sequence, "read")
    assert state_of(stage, talk, sequence) == "read"


@pytest.mark.rule("guarantee-G6")
@pytest.mark.parametrize("final", ["failed", "expired"])
def test_what_has_failed_stays_so_and_its_code_is_on_the_message(stage: Stage, final: str) -> None:
    talk = talks(stage)
    sequence = says(stage, talk)
    reports(stage, talk, sequence, final, code="551", reason="cannot be reached")
    for state in ("sent", "read", "retry", "failed"):
        assert isinstance(reports(stage, talk, sequence, state), Ack)
    assert state_of(stage, talk, sequence) == final
    assert changes(stage) == [(sequence, final, "551")]


@pytest.mark.rule("guarantee-G6")
def test_a_channel_is_followed_as_far_as_it_says_and_no_further(stage: Stage) -> None:
    talk = talks(stage, "sms")
    sequence = says(stage, talk)
    reports(stage, talk, sequence, "sent")
    head = stage.system.head
    assert isinstance(reports(stage, talk, sequence, "delivered"), Ack)
    assert stage.system.head == head, "a receipt that nobody has asked for takes no room in the journal"
    reports(stage, talk, sequence, "failed", code="30005")
    assert changes(stage)[-1] == (sequence, "failed", "30005"), "sent, and failed later"


@pytest.mark.rule("guarantee-G6", "I2")
def test_where_nothing_is_followed_a_failure_is_seen_all_the_same() -> None:
    stage = Stage()
    stage.logs_in("a1")
    talk = stage.begin_conversation("ann", "a1")
    sequence = says(stage, talk)
    assert stage.state(talk).outbox == {}
    assert isinstance(reports(stage, talk, sequence, "sent"), Ack)
    assert changes(stage) == []
    reports(stage, talk, sequence, "failed", code="45015")
    reports(stage, talk, sequence, "failed", code="45015")
    assert changes(stage) == [(sequence, "failed", "45015")]
    answer = reports(stage, talk, says(stage, talk), "retry")
    assert (answer.code, "not followed" in answer.message) == ("NOT_ALLOWED", True)


@pytest.mark.rule("guarantee-G6")
def test_a_report_that_makes_no_sense_gets_a_clear_refusal(stage: Stage) -> None:
    talk = talks(stage)
    sequence = says(stage, talk)
    for answer, words in (
        (reports(stage, talk, sequence + 1, "sent"), f"newest sequence is {sequence}"),
        (reports(stage, talk, sequence, "teleported"), "is no state of a delivery"),
    ):
        assert isinstance(answer, Refused)
        assert (answer.code, words in answer.message) == ("NOT_ALLOWED", True)


@pytest.mark.rule("guarantee-G6")
def test_what_is_to_be_tried_again_comes_again_under_its_name_and_the_later_ones_after_it(
    stage: Stage,
) -> None:
    talk = talks(stage)
    first, second = says(stage, talk, "one"), says(stage, talk, "two")
    reports(stage, talk, first, "retry", retry_after_s=7.5, code="613", reason="throttled")
    third = says(stage, talk, "three")
    assert given(stage) == [("one", first, 1), ("two", second, 1)], "the third waits its turn"
    stage.pass_time(7.4)
    assert len(given(stage)) == 2
    stage.pass_time(0.1)
    assert given(stage)[2:] == [("one", first, 2), ("two", second, 2), ("three", third, 1)]
    fourth = says(stage, talk, "four")
    assert given(stage)[-1] == ("four", fourth, 1)


@pytest.mark.rule("guarantee-G6")
def test_what_could_come_again_sooner_waits_for_the_one_before_it(stage: Stage) -> None:
    talk = talks(stage)
    first, second = says(stage, talk, "one"), says(stage, talk, "two")
    reports(stage, talk, second, "retry", retry_after_s=5.0)
    reports(stage, talk, first, "retry", retry_after_s=60.0)
    stage.pass_time(30)
    assert len(given(stage)) == 2
    stage.pass_time(30)
    assert given(stage)[2:] == [("one", first, 2), ("two", second, 2)]


@pytest.mark.rule("guarantee-G6")
def test_what_was_sent_before_the_throttling_does_not_come_again(stage: Stage) -> None:
    talk = talks(stage)
    first, second = says(stage, talk, "one"), says(stage, talk, "two")
    reports(stage, talk, second, "sent")
    reports(stage, talk, first, "retry", retry_after_s=5.0)
    stage.pass_time(5)
    assert given(stage) == [("one", first, 1), ("two", second, 1), ("one", first, 2)]


@pytest.mark.rule("guarantee-G6")
def test_what_a_slow_gateway_has_put_aside_comes_again_unless_it_does_not_know_itself(stage: Stage) -> None:
    talk = talks(stage)
    first, second, third = (says(stage, talk, text) for text in ("one", "two", "three"))
    reports(stage, talk, third, "unknown", reason="no answer of the provider")
    stage.pass_time(400)
    assert state_of(stage, talk, second) == "unknown", "nobody has said anything of it"
    reports(stage, talk, first, "retry", retry_after_s=5.0)
    stage.pass_time(5)
    assert given(stage)[3:] == [("one", first, 2), ("two", second, 2)]


@pytest.mark.rule("guarantee-G6")
def test_where_later_messages_may_pass_only_the_one_comes_again(stage: Stage) -> None:
    talk = talks(stage, "passing")
    first, second = says(stage, talk, "one"), says(stage, talk, "two")
    reports(stage, talk, first, "retry", retry_after_s=5.0)
    third = says(stage, talk, "three")
    stage.pass_time(5)
    wanted = [("one", first, 1), ("two", second, 1), ("three", third, 1), ("one", first, 2)]
    assert given(stage, "passing") == wanted


@pytest.mark.rule("guarantee-G6")
def test_the_wait_doubles_up_to_five_minutes_and_after_the_last_attempt_it_has_failed(stage: Stage) -> None:
    talk = talks(stage)
    sequence = says(stage, talk)
    waits = []
    while state_of(stage, talk, sequence) != "failed":
        assert isinstance(reports(stage, talk, sequence, "retry"), Ack)
        item = stage.state(talk).outbox[sequence]
        if item.retry_at is not None:
            waits.append(item.retry_at - stage.clock.now())
            stage.pass_time(waits[-1])
    assert waits == [2, 4, 8, 16, 32, 64, 128]
    assert [attempt for _, _, attempt in given(stage)] == [1, 2, 3, 4, 5, 6, 7, 8]
    assert changes(stage)[-1] == (sequence, "failed", "")


@pytest.mark.rule("guarantee-G6")
def test_when_the_first_has_failed_those_that_waited_for_it_are_given(stage: Stage) -> None:
    talk = talks(stage)
    first = says(stage, talk, "one")
    reports(stage, talk, first, "retry", retry_after_s=60.0)
    second = says(stage, talk, "two")
    reports(stage, talk, first, "failed", code="551")
    stage.turn()
    assert given(stage) == [("one", first, 1), ("two", second, 1)]


@pytest.mark.rule("guarantee-G6")
def test_without_a_report_it_is_unknown_and_a_later_one_still_counts(stage: Stage) -> None:
    talk = talks(stage)
    sequence = says(stage, talk)
    stage.pass_time(299)
    assert state_of(stage, talk, sequence) == "queued"
    stage.pass_time(1)
    assert state_of(stage, talk, sequence) == "unknown"
    stage.pass_time(HOUR)
    assert changes(stage) == [(sequence, "unknown", "")]
    assert len(given(stage)) == 1, "what may have arrived is not sent twice"
    reports(stage, talk, sequence, "read")
    assert state_of(stage, talk, sequence) == "read"


@pytest.mark.rule("guarantee-G6")
@pytest.mark.parametrize("when", ["queued", "waits", "held", "sent", "ended"])
@pytest.mark.parametrize("how", ["restart", "parked"])
def test_what_is_on_its_way_survives_restarts_and_parking(stage: Stage, when: str, how: str) -> None:
    talk = talks(stage)
    first = says(stage, talk, "one")
    if when == "sent":
        reports(stage, talk, first, "sent")
    if when in ("waits", "held", "ended"):
        reports(stage, talk, first, "retry", retry_after_s=100.0)
    second = says(stage, talk, "two")
    if when == "ended":
        stage.ends("a1", talk)
    before = stage.state(talk)
    if how == "restart":
        stage.restart()
    else:
        stage.clock.advance(1.0)
        stage.turn(park_idle_s=0.0)
        assert ("conversation", "acme", talk) not in stage.system.actors
    assert stage.state(talk) == before
    stage.pass_time(100)
    again = [("one", first, 2), ("two", second, 1)] if when in ("waits", "held", "ended") else []
    assert [each for each in given(stage) if each[2] > 1 or again][-2:] == (again or [])
    stage.pass_time(300)
    last = "sent" if when == "sent" else "unknown"
    assert state_of(stage, talk, first) == last
    assert state_of(stage, talk, second) == "unknown"


@pytest.mark.rule("guarantee-G6", "I3")
def test_nothing_is_sent_beyond_the_window(stage: Stage) -> None:
    talk = talks(stage, "wechat")
    stage.pass_time(48 * HOUR - 10)
    first, second = says(stage, talk, "one"), says(stage, talk, "two")
    reports(stage, talk, first, "retry", retry_after_s=10.0)
    assert state_of(stage, talk, first) == "expired", "it would come too late"
    reports(stage, talk, second, "retry", retry_after_s=9.0)
    stage.pass_time(9)
    assert given(stage, "wechat")[-1] == ("two", second, 2)


@pytest.mark.rule("guarantee-G6", "I3")
def test_what_waits_behind_another_expires_with_the_window(stage: Stage) -> None:
    talk = talks(stage, "wechat")
    stage.pass_time(48 * HOUR - 20)
    first = says(stage, talk, "one")
    reports(stage, talk, first, "retry", retry_after_s=15.0)
    second = says(stage, talk, "two")
    stage.clock.advance(30)
    stage.turn()
    assert (state_of(stage, talk, first), state_of(stage, talk, second)) == ("expired", "expired")
    assert given(stage, "wechat") == [("one", first, 1)]


@pytest.mark.rule("guarantee-G6", "I1")
def test_what_waits_goes_by_the_window_that_the_customer_has_opened_meanwhile(stage: Stage) -> None:
    talk = talks(stage, "wechat")
    stage.pass_time(48 * HOUR - 20)
    first = says(stage, talk, "one")
    reports(stage, talk, first, "retry", retry_after_s=15.0)
    second = says(stage, talk, "two")
    stage.writes("ann", "are you there?", channel="wechat")
    opened = stage.clock.now()
    stage.clock.advance(30)
    stage.turn()
    assert given(stage, "wechat")[1:] == [("one", first, 2), ("two", second, 1)]
    ends = {news.expires_at for news in (each.news for each in stage.mail["channel/wechat"][-2:])}
    assert ends == {opened + 48 * HOUR}
    assert isinstance(reports(stage, talk, first, "retry", retry_after_s=60.0), Ack)
    assert state_of(stage, talk, first) == "queued"


@pytest.mark.rule("guarantee-G6", "I1")
def test_what_comes_again_after_the_customer_has_written_takes_one_from_the_new_window(stage: Stage) -> None:
    talk = talks(stage, "wechat")
    first = says(stage, talk, "one")
    reports(stage, talk, first, "retry", retry_after_s=15.0)
    stage.writes("ann", "are you there?", channel="wechat")
    for _ in range(2):
        stage.pass_time(15)
        ledger = stage.state(talk).window
        assert ledger is not None
        assert ledger.sends_left == 4, "the provider counts what reaches it, once"
        reports(stage, talk, first, "retry", retry_after_s=15.0)


@pytest.mark.rule("guarantee-G6")
@pytest.mark.parametrize("state", ["failed", "expired"])
def test_what_the_daemon_has_given_up_is_not_put_aside_behind_another(state: str) -> None:
    items = {1: outbox.Outbound(report_by=60.0), 2: outbox.Outbound(state), 3: outbox.Outbound("unknown")}
    found = outbox.reported(items, DeliveryReported(1, "queued", retry_at=9.0, holds=True, reported="retry"))
    assert [(each.state, each.held) for each in found.values()] == [
        ("queued", False),
        (state, False),
        ("queued", True),
    ]


@pytest.mark.rule("I2")
def test_a_providers_refusal_closes_the_window_and_the_agent_sees_the_code(stage: Stage) -> None:
    talk = talks(stage, "wechat")
    earlier, sequence = says(stage, talk), says(stage, talk)
    reports(stage, talk, sequence, "failed", code="45015")
    news = stage.mail["agent/a1"][-1].news
    assert isinstance(news, DeliveryChanged)
    assert (news.code, "follows the account" in news.reason) == ("45015", True)
    assert news.window is not None
    assert (news.window.closes_at, news.window.over) == (stage.clock.now(), "45015")
    answer = stage.says("a1", talk, "again")
    assert (answer.code, "45015" in answer.message) == ("WINDOW_CLOSED", True)
    stage.writes("ann", "I follow you again", channel="wechat")
    later = says(stage, talk)
    reports(stage, talk, earlier, "failed", code="45015")
    assert state_of(stage, talk, earlier) == "failed"
    assert isinstance(stage.says("a1", talk, "hi"), Ack), "an old refusal says nothing of the new window"
    reports(stage, talk, later, "failed", code="45047")
    assert stage.says("a1", talk, "hi").sends_left == 0


@pytest.mark.rule("guarantee-G6")
def test_automatic_answers_are_followed_too() -> None:
    desk = desk_text(
        departments={"help": 'greeting_offline = "We are away."'}, channels={"line": LINES["line"]}
    )
    stage = Stage(desk=desk)
    talk = stage.writes("ann", channel="line").conversation
    ((sequence, _),) = stage.state(talk).outbox.items()
    reports(stage, talk, sequence, "retry", retry_after_s=1.0)
    stage.pass_time(1)
    first, again = stage.mail["channel/line"]
    assert isinstance(again.news, AutomaticReply)
    assert (first.sequence, again.sequence, again.news.attempt) == (sequence, sequence, 2)
    assert again.news.text == first.news.text  # type: ignore[union-attr]


@pytest.mark.rule("guarantee-G6")
def test_of_a_long_conversation_only_the_newest_are_remembered_and_nothing_that_waits_is_forgotten() -> None:
    stage = a_stage("delivery_timeout_s = 100000")
    talk = talks(stage)
    waits = says(stage, talk)
    reports(stage, talk, waits, "retry", retry_after_s=80_000.0)
    held = [says(stage, talk) for _ in range(KEPT // 2)]
    stage.pass_time(80_000)
    for sequence in (waits, *held):
        reports(stage, talk, sequence, "sent")
    open_still = says(stage, talk)
    for _ in range(2 * KEPT):
        reports(stage, talk, says(stage, talk), "read")
    outbox = stage.state(talk).outbox
    assert len(outbox) <= KEPT
    assert outbox[open_still].state == "queued"
    assert isinstance(reports(stage, talk, waits, "delivered"), Ack), "too long ago to be known"


# A gateway, as docs/protocol.md wants it, and a provider that throttles, fails and forgets.


class Gateways(RuleBasedStateMachine):
    """Whatever happens on the way: order is kept, states move up, nothing is lost, nothing comes twice."""

    @initialize(channel=st.sampled_from(["line", "passing"]))
    def begins(self, channel: str) -> None:
        self.stage = a_stage()
        self.channel = channel
        self.talk = talks(self.stage, channel)
        self.written: list[int] = []
        #: What the gateway has in hand, and what the provider took, in order.
        self.read = 0
        self.in_hand: list[int] = []
        self.arrived: list[int] = []
        self.put_aside = False
        self.best: dict[int, str] = {}

    def takes(self) -> None:
        """The gateway reads its stream; what it has put aside comes again."""
        news = given(self.stage, self.channel)
        for _, sequence, attempt in news[self.read :]:
            if attempt > 1 and self.channel == "line":
                self.put_aside = False
            self.in_hand.append(sequence)
        self.read = len(news)

    @rule()
    def an_agent_writes(self) -> None:
        self.written.append(says(self.stage, self.talk, f"text {len(self.written)}"))
        self.takes()

    @precondition(lambda self: self.in_hand)
    @rule(state=st.sampled_from(["sent", "delivered", "read", "unknown"]))
    def the_provider_takes_the_next(self, state: str) -> None:
        sequence = self.in_hand.pop(0)
        self.arrived.append(sequence)
        reports(self.stage, self.talk, sequence, state)

    @precondition(lambda self: self.in_hand)
    @rule(after_s=st.sampled_from([0.0, 1.0, 30.0]))
    def the_provider_throttles(self, after_s: float) -> None:
        sequence = self.in_hand.pop(0)
        reports(self.stage, self.talk, sequence, "retry", retry_after_s=after_s)
        if self.channel == "line":
            self.in_hand = []
        self.takes()

    @precondition(lambda self: self.in_hand)
    @rule()
    def the_provider_refuses(self) -> None:
        reports(self.stage, self.talk, self.in_hand.pop(0), "failed", code="551")
        self.stage.turn()
        self.takes()

    @precondition(lambda self: self.written)
    @rule(
        place=st.integers(0, 50), state=st.sampled_from(["queued", "unknown", "sent", "delivered", "expired"])
    )
    def an_old_report_comes_late(self, place: int, state: str) -> None:
        known = [each for each in self.arrived if state_of(self.stage, self.talk, each) == "read"]
        if known:
            before = self.stage.system.head
            reports(self.stage, self.talk, known[place % len(known)], state)
            assert self.stage.system.head == before

    @rule(seconds=st.sampled_from([0.5, 2.0, 31.0, 299.0, 400.0]))
    def time_passes(self, seconds: float) -> None:
        self.stage.pass_time(seconds)
        self.takes()

    @rule()
    def the_daemon_restarts(self) -> None:
        before = self.stage.state(self.talk)
        self.stage.restart()
        self.stage.logs_in("a1")
        after = self.stage.state(self.talk)
        assert after.outbox == before.outbox or after.sequence > before.sequence
        if self.stage.state(self.talk).assignee != "a1":
            self.stage.accepts("a1", self.talk)
        self.takes()

    @invariant()
    def nothing_is_lost_and_states_move_up(self) -> None:
        outbox = self.stage.state(self.talk).outbox
        for sequence in self.written:
            if sequence not in outbox:
                continue
            item, best = outbox[sequence], self.best.get(sequence, "queued")
            if best in ("failed", "expired"):
                assert item.state == best
            elif item.state not in ("failed", "expired") and best != "unknown":
                assert RANKS[item.state] >= RANKS[best]
            self.best[sequence] = item.state
            if item.state == "queued":
                assert item.waits or item.report_by is not None, "nobody looks after it any more"
                assert item.waits or sequence in self.in_hand or self.channel == "passing"

    @invariant()
    def order_is_kept_and_nothing_comes_twice(self) -> None:
        assert len(set(self.arrived)) == len(self.arrived)
        if self.channel == "line":
            assert self.arrived == sorted(self.arrived)

    def teardown(self) -> None:
        """In the end the provider takes everything: nothing waits for ever."""
        if not hasattr(self, "stage"):
            return
        for _ in range(60):
            self.takes()
            while self.in_hand:
                self.the_provider_takes_the_next("read")
            self.stage.pass_time(300)
        outbox = self.stage.state(self.talk).outbox
        assert all(not item.waits for item in outbox.values())
        settled = {"failed", "expired"}
        failed = {sequence for sequence, item in outbox.items() if item.state in settled}
        assert set(self.written) <= set(self.arrived) | failed


TestGateways = Gateways.TestCase
TestGateways.settings = settings(max_examples=25, stateful_step_count=25, deadline=None)
TestGateways.pytestmark = [pytest.mark.rule("guarantee-G6")]  # type: ignore[attr-defined]
