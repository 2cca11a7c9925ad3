"""Reply windows: the ledger by itself, then in play, at every edge (I1-I6, a3)."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, strategies as st
from msgspec.structs import replace

from actors.conversation.limits import Demands, demands_of
from actors.conversation.window import Leave, Shut, corrected, granted, is_open, may_send, refusal, spent
from actors.events.conversation import Ledger
from actors.telling import Told
from config.desk import parse_desk
from config.windows import WINDOWS, moment
from protocol.channels import CustomerActed, WindowChanged
from protocol.content import Text
from protocol.customers import VisitorEntered, VisitorLeft
from protocol.errors import Code
from protocol.life import Reopen
from protocol.messages import Ack, CustomerMessage, End, Refused, SetPresence
from protocol.news import CustomerSaid
from tests.stage import Stage, desk_text

NOW = moment("2026-11-27")
HOUR, DAY, MINUTE = 3600.0, 86_400.0, 60.0


def of(window: str, extra: str = "", kind: str = "web") -> Demands:
    """Return what a channel with this window demands."""
    channels = {"line": f'kind = "{kind}"\nwindow = "{window}"'}
    desk = parse_desk(desk_text(channels=channels) + extra, "desk.toml")
    return demands_of(desk.channels["line"], desk)


WECHAT, MINI, MESSENGER = of("wechat-official-account"), of("wechat-mini-program"), of("messenger")
WEB, SMS, OLD_MESSENGER = of("web"), of("sms"), of("messenger-2019")


def opened(demands: Demands, *triggers: tuple[str, float]) -> Ledger | None:
    ledger = None
    for trigger, at in triggers:
        ledger = granted(ledger, trigger, at, demands)
    return ledger


def allowed(ledger: Ledger | None, at: float, demands: Demands, *, automatic: bool = False) -> bool:
    return isinstance(may_send(ledger, at, demands, automatic=automatic), Leave)


def sends(ledger: Ledger | None, at: float, demands: Demands, most: int = 30) -> int:
    """Count how many messages of people are let through at a time."""
    for many in range(most):
        if not allowed(ledger, at, demands):
            return many
        ledger = spent(ledger, at) if ledger is not None else None
    return most


@pytest.mark.rule("I1", "I5")
@pytest.mark.parametrize(
    ("late_s", "open_still"), [(0.0, True), (48 * HOUR - 0.001, True), (48 * HOUR, False)]
)
def test_the_window_is_open_up_to_its_last_second_after_the_message(late_s: float, open_still: bool) -> None:
    ledger = opened(WECHAT, ("message", NOW))
    assert allowed(ledger, NOW + late_s, WECHAT) is open_still


@pytest.mark.rule("I4")
def test_who_leaves_twice_has_left_once_and_a_window_that_is_no_connection_does_not_close_with_it() -> None:
    gone = granted(granted(None, "connect", NOW, WEB), "disconnect", NOW + 5, WEB)
    assert gone is not None
    assert gone.until == NOW + 5
    assert granted(gone, "disconnect", NOW + 60, WEB) is gone
    ledger = opened(WECHAT, ("message", NOW))
    assert granted(ledger, "disconnect", NOW + 5, WECHAT) is ledger


@pytest.mark.rule("I2")
def test_a_refusal_says_how_long_a_used_up_window_would_be_open_unless_it_is_a_connection() -> None:
    ledger = opened(WECHAT, ("message", NOW))
    assert ledger is not None
    used = refusal(replace(ledger, sends_left=0), Shut("used_up"), NOW + HOUR, WECHAT)
    assert "would be open for another 1 d 23 h" in used.message
    assert used.window_closes_at == ledger.until
    connected = refusal(replace(ledger, sends_left=0, connected=True), Shut("used_up"), NOW + HOUR, WECHAT)
    assert "another" not in connected.message
    assert connected.window_closes_at == 0.0


@pytest.mark.rule("I5")
def test_a_refusal_after_the_window_says_when_the_extra_message_is_spent() -> None:
    ledger = opened(OLD_MESSENGER, ("message", NOW))
    assert ledger is not None
    late = NOW + 2 * DAY
    spends = spent(ledger, late)
    before, after = (refusal(each, Shut("closed"), late, OLD_MESSENGER).message for each in (ledger, spends))
    assert "extra" not in before
    assert "the extra message after it is spent" in after


@pytest.mark.rule("I2", "I3")
def test_the_fifth_message_goes_and_the_sixth_does_not() -> None:
    assert sends(opened(WECHAT, ("message", NOW)), NOW + 1, WECHAT) == 5
    assert sends(opened(of("wechat-official-account-2022"), ("message", NOW)), NOW + 1, WECHAT) == 20
    assert sends(opened(MINI, ("message", NOW)), NOW + 1, MINI) == 5
    assert sends(opened(of("baidu-mini-program"), ("message", NOW)), NOW + 1, of("baidu-mini-program")) == 5


@pytest.mark.rule("I1")
def test_each_message_of_the_customer_sets_time_and_count_anew() -> None:
    ledger = opened(WECHAT, ("message", NOW))
    for _ in range(5):
        assert ledger is not None
        ledger = spent(ledger, NOW + 1)
    ledger = granted(ledger, "message", NOW + HOUR, WECHAT)
    assert ledger is not None
    assert (ledger.sends_left, ledger.until) == (5, NOW + 49 * HOUR)


@pytest.mark.rule("I1")
@pytest.mark.parametrize(
    ("triggers", "left", "until"),
    [
        ([("message", 0.0), ("menu_click", 10.0)], 5, 48 * HOUR),
        ([("menu_click", 0.0), ("message", 10.0)], 5, 10 + 48 * HOUR),
        ([("menu_click", 0.0), ("scan", 10.0), ("follow", 20.0)], 3, 20 + MINUTE),
        ([("message", 0.0), ("scan", 48 * HOUR)], 3, 48 * HOUR + MINUTE),
    ],
)
def test_what_triggers_give_is_merged_by_maximum_and_never_added(
    triggers: list[tuple[str, float]], left: int, until: float
) -> None:
    ledger = opened(WECHAT, *((trigger, NOW + at) for trigger, at in triggers))
    assert ledger is not None
    assert (ledger.sends_left, ledger.until) == (left, NOW + until)


@pytest.mark.rule("I1")
def test_a_trigger_that_the_window_does_not_know_changes_nothing() -> None:
    ledger = opened(WECHAT, ("message", NOW))
    assert granted(ledger, "ad_click", NOW + 1, WECHAT) is ledger
    assert granted(None, "payment", NOW, WECHAT) is None
    assert (
        sends(opened(of("wechat-service-account"), ("payment", NOW)), NOW, of("wechat-service-account")) == 30
    )


def test_a_rule_counts_from_its_date_on_and_the_one_before_it_until_then() -> None:
    """20 became 5 at midnight in China."""
    day = moment("2023-06-12T00:00+08:00")
    for at, many in ((day - 1, 20), (day - 0.001, 20), (day, 5), (day + 1, 5)):
        assert sends(opened(WECHAT, ("message", at)), at + 1, WECHAT) == many
    # What was given under the old rule stays given.
    assert sends(opened(WECHAT, ("message", day - 1)), day + 1, WECHAT) == 20


@pytest.mark.rule("I3")
def test_after_messengers_day_people_may_write_for_a_week_with_the_tag_and_the_daemon_may_not() -> None:
    ledger = opened(MESSENGER, ("message", NOW))
    assert may_send(ledger, NOW + DAY - 0.001, MESSENGER) == Leave(NOW + DAY, "")
    assert may_send(ledger, NOW + DAY, MESSENGER) == Leave(NOW + 7 * DAY, "HUMAN_AGENT")
    assert may_send(ledger, NOW + DAY, MESSENGER, automatic=True) == Shut("closed")
    assert may_send(ledger, NOW + 7 * DAY - 0.001, MESSENGER) == Leave(NOW + 7 * DAY, "HUMAN_AGENT")
    assert may_send(ledger, NOW + 7 * DAY, MESSENGER) == Shut("closed")
    assert sends(ledger, NOW + 2 * DAY, MESSENGER) == 30
    clicked = opened(MESSENGER, ("ad_click", NOW), ("message", NOW))
    assert may_send(clicked, NOW + 7 * DAY - 0.001, MESSENGER) == Leave(NOW + 7 * DAY, "")


@pytest.mark.rule("I3")
def test_as_it_was_in_2019_one_message_more_is_allowed_within_a_year() -> None:
    ledger = opened(OLD_MESSENGER, ("message", NOW))
    assert sends(ledger, NOW + DAY - 1, OLD_MESSENGER) == 30
    assert sends(ledger, NOW + DAY, OLD_MESSENGER) == 1
    assert sends(ledger, NOW + 365 * DAY - 0.001, OLD_MESSENGER) == 1
    assert sends(ledger, NOW + 365 * DAY, OLD_MESSENGER) == 0


@pytest.mark.rule("I4", "I6")
def test_a_web_chat_is_open_while_the_page_is_and_sms_always() -> None:
    assert opened(WEB, ("message", NOW)) is None, "nothing to keep account of"
    gone = opened(WEB, ("message", NOW), ("disconnect", NOW + 5))
    assert not allowed(gone, NOW + 5, WEB)
    for trigger in ("message", "connect"):
        back = granted(gone, trigger, NOW + 9, WEB)
        assert allowed(back, NOW + 365 * DAY, WEB)
    assert opened(SMS, ("message", NOW), ("disconnect", NOW + 5)) is None
    assert allowed(None, NOW, SMS)


@pytest.mark.rule("D10")
def test_what_is_automatic_never_spends_the_last_message() -> None:
    ledger = opened(WECHAT, ("message", NOW))
    for left in (5, 4, 3, 2, 1):
        assert ledger is not None
        assert ledger.sends_left == left
        assert allowed(ledger, NOW, WECHAT, automatic=True) is (left > 1)
        assert allowed(ledger, NOW, WECHAT)
        ledger = spent(ledger, NOW)
    assert allowed(opened(MESSENGER, ("message", NOW)), NOW, MESSENGER, automatic=True), "not counted"


@pytest.mark.rule("I2")
def test_the_provider_is_right_where_it_refuses_what_the_ledger_allows() -> None:
    ledger = opened(WECHAT, ("message", NOW))
    over = corrected(ledger, "45015", NOW + 60, WECHAT)
    used_up = corrected(ledger, "45047", NOW + 60, WECHAT)
    assert over is not None
    assert used_up is not None
    assert may_send(over, NOW + 60, WECHAT) == Shut("closed")
    assert may_send(used_up, NOW + 60, WECHAT) == Shut("used_up")
    assert "45015" in refusal(over, Shut("closed"), NOW + 90, WECHAT).message
    assert corrected(ledger, "40003", NOW, WECHAT) is ledger, "says nothing of the window"
    assert corrected(ledger, "99999", NOW, WECHAT) is ledger, "nobody knows it"
    messenger = opened(MESSENGER, ("message", NOW))
    assert may_send(corrected(messenger, "10/2018278", NOW + 60, MESSENGER), NOW + 61, MESSENGER) == Leave(
        NOW + 7 * DAY, "HUMAN_AGENT"
    )
    extra_over = corrected(messenger, "10", NOW + 2 * DAY, MESSENGER)
    assert may_send(extra_over, NOW + 2 * DAY, MESSENGER) == Shut("closed")


@pytest.mark.rule("I2")
def test_a_refusal_names_the_rule_when_it_closed_and_what_is_left() -> None:
    ledger = opened(WECHAT, ("message", NOW))
    assert ledger is not None
    said = refusal(ledger, Shut("closed"), NOW + 50 * HOUR + 180, WECHAT)
    assert said.code is Code.WINDOW_CLOSED
    assert "WeChat official account; rule message" in said.message
    assert "closed 2 h 3 min ago" in said.message
    assert (said.window_rule, said.window_closes_at, said.sends_left) == (
        "wechat-official-account/message",
        NOW + 48 * HOUR,
        5,
    )


def test_the_tables_that_are_shipped_hold_their_own_rules() -> None:
    for ident, window in WINDOWS.items():
        assert not [*window.violations()], ident
        assert not [found for rule in window.rules for found in rule.violations()], ident
        assert not window.limited or (window.sources and window.checked), f"{ident} does not say where from"


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["message", "menu_click", "scan", "send", "wait", "ad_click", "45015", "45047"]),
            st.floats(0, 3 * DAY),
        ),
        max_size=30,
    )
)
def test_a_ledger_never_gives_more_than_its_most_generous_rule(steps: list[tuple[str, float]]) -> None:
    """Never more than 5 messages between two acts of the customer, never 48 h after the last of them."""
    ledger, now, since, last = None, NOW, 0, None
    for step, passes_s in steps:
        now += passes_s
        if step == "send":
            if ledger is not None and allowed(ledger, now, WECHAT):
                since += 1
                assert last is not None
                assert now < last + 48 * HOUR
                ledger = spent(ledger, now)
                assert since <= 5
        elif step.isdigit():
            ledger = corrected(ledger, step, now, WECHAT)
            assert ledger is None or not allowed(ledger, now, WECHAT)
        elif step != "wait":
            before = ledger
            ledger = granted(ledger, step, now, WECHAT)
            if step != "ad_click":
                assert ledger is not None
                assert is_open(ledger, now)
                since, last = 0, now
                assert before is None or ledger.until >= before.until
            else:
                assert ledger is before


# In play.

LINES = {
    "wechat": 'kind = "wechat-official-account"',
    "facebook": 'kind = "messenger"',
    "once": 'kind = "wechat-mini-program"\nwindow = "one"',
}
ONE = '[windows.one]\nname = "One"\nrules = [{ trigger = "message", sends = 1, duration_s = 60 }]\n'
DESK = desk_text(
    departments={"help": 'greeting_online = "Hello!"\ngreeting_offline = "We are away."'},
    channels=LINES,
    extra=ONE,
)


@pytest.fixture
def stage() -> Stage:
    """The virtual clock begins in 2001, when other rules were in force."""
    stage = Stage(desk=DESK)
    stage.clock.advance(NOW - stage.clock.now())
    return stage


def talks(stage: Stage, channel: str, contact: str = "ann") -> str:
    """Have a customer write and a1 accept."""
    if not stage.lease("a1").epoch:
        stage.logs_in("a1")
    talk: str = stage.writes(contact, "hello", channel=channel).conversation
    assert isinstance(stage.accepts("a1", talk), Ack)
    return talk


def refused(answer: Any) -> Refused:
    assert isinstance(answer, Refused), answer
    return answer


def acts(stage: Stage, channel: str, trigger: str, contact: str = "ann") -> Any:
    address, told = stage.from_gateway(CustomerActed(stage.command_id(), channel, contact, trigger))
    return stage.tell(address, told.message, told.sender)


def left_of(stage: Stage, talk: str) -> int | None:
    ledger = stage.state(talk).window
    assert ledger is not None
    return ledger.sends_left


@pytest.mark.rule("I1", "I2", "D10")
def test_the_greeting_is_the_first_of_five_and_the_sixth_message_is_refused_before_the_provider_does(
    stage: Stage,
) -> None:
    stage.logs_in("a1")
    talk = talks(stage, "wechat")
    assert stage.events_of(talk).count("Greeted") == 1
    for _ in range(4):
        assert isinstance(stage.says("a1", talk, "hm"), Ack)
    answer = refused(stage.says("a1", talk, "one too many"))
    assert (answer.code, answer.sends_left) == ("WINDOW_CLOSED", 0)
    assert answer.window_closes_at == stage.clock.now() + 48 * HOUR
    assert stage.news_of("channel/wechat").count("AgentSaid") == 4
    stage.writes("ann", "and?", channel="wechat")
    assert left_of(stage, talk) == 5
    assert isinstance(stage.says("a1", talk, "now it goes"), Ack)


@pytest.mark.rule("I1", "I5")
@pytest.mark.parametrize("between", ["nothing", "restart", "parked"])
def test_the_last_allowed_second_and_the_next_survive_a_restart_and_parking(
    stage: Stage, between: str
) -> None:
    stage.logs_in("a1")
    talk = talks(stage, "wechat")
    stage.says("a1", talk, "hello")
    stage.clock.advance(48 * HOUR - 1)
    if between == "restart":
        stage.restart()
    elif between == "parked":
        stage.turn(park_idle_s=1.0)
        assert ("conversation", "acme", talk) not in stage.system.actors
    assert isinstance(stage.says("a1", talk, "in time"), Ack)
    stage.clock.advance(1)
    answer = refused(stage.says("a1", talk, "too late"))
    assert (answer.code, answer.window_closes_at) == ("WINDOW_CLOSED", stage.clock.now())


@pytest.mark.rule("D10")
def test_an_automatic_answer_is_left_out_where_it_would_spend_the_only_message(stage: Stage) -> None:
    talk = stage.writes("ann", channel="once").conversation
    assert stage.events_of(talk).count("Greeted") == 0
    assert stage.events_of(talk).count("GreetingLeftOut") == 1
    stage.logs_in("a1")
    stage.accepts("a1", talk)
    assert isinstance(stage.says("a1", talk, "the one"), Ack)
    assert refused(stage.says("a1", talk, "the other")).code == "WINDOW_CLOSED"


@pytest.mark.rule("I1")
@pytest.mark.parametrize("how", ["in memory", "parked", "restart", "in the turn of the end"])
def test_a_new_conversation_inherits_what_is_left_of_the_window(stage: Stage, how: str) -> None:
    stage.logs_in("a1")
    talk = talks(stage, "facebook")
    acts(stage, "facebook", "ad_click")
    closes_at = stage.clock.now() + 7 * DAY
    stage.clock.advance(HOUR)
    if how == "in the turn of the end":
        end = stage.command("a1", End(stage.command_id(), "a1", talk))
        again = CustomerMessage(stage.command_id(), "facebook", "ann", Text("one more thing"))
        told = Told(again, "acme", "gateway/web", "peer")
        _, ack = stage.turn(end, (("conversation", "acme", talk), told))
        second = ack.conversation
    else:
        stage.ends("a1", talk)
        if how == "parked":
            stage.clock.advance(10)
            stage.turn(park_idle_s=0.0)
            assert ("conversation", "acme", talk) not in stage.system.actors
        if how == "restart":
            stage.restart()
        second = stage.writes("ann", channel="facebook").conversation
    assert second != talk
    ledger = stage.state(second).window
    assert ledger is not None
    assert (ledger.rule, ledger.until) == ("messenger/ad_click", closes_at)


@pytest.mark.rule("F14", "I3")
def test_one_that_is_taken_up_again_from_history_has_the_window_of_its_customer(stage: Stage) -> None:
    stage.logs_in("a1")
    old = talks(stage, "wechat")
    stage.says("a1", old, "hello")
    stage.ends("a1", old)
    stage.clock.advance(49 * HOUR)
    assert isinstance(stage.says_to_desk("a1", Reopen(stage.command_id(), "a1", old)), Ack)
    assert refused(stage.says("a1", old, "nobody would get this")).code == "WINDOW_CLOSED"
    stage.ends("a1", old)
    newer = talks(stage, "wechat")
    for _ in range(3):
        stage.says("a1", newer, "hm")
    stage.ends("a1", newer)
    assert isinstance(stage.says_to_desk("a1", Reopen(stage.command_id(), "a1", old)), Ack)
    assert isinstance(stage.says("a1", old, "this one goes"), Ack)
    assert refused(stage.says("a1", old, "and this is the sixth")).sends_left == 0
    before = stage.state(old)
    stage.restart()
    assert stage.state(old).window == before.window


@pytest.mark.rule("F14", "I3")
def test_one_that_was_not_taken_up_again_after_all_still_leaves_its_window(stage: Stage) -> None:
    """The agent goes in the very turn, after the channel has bound the customer to it again."""
    stage.logs_in("a1")
    old = talks(stage, "wechat")
    stage.says("a1", old, "hello")
    stage.ends("a1", old)
    ledger = stage.state(old).window
    assert ledger is not None
    channel: Any = stage.system.actors["channel", "acme", "wechat"]
    wanted = Reopen(stage.command_id(), "a1", old)
    stage.turn(
        stage.command("a1", wanted),
        stage.command("a1", SetPresence(stage.command_id(), "a1", "offline")),
    )
    assert [reply.code for reply in stage.replies if isinstance(reply, Refused)] == ["UNAVAILABLE"]
    assert channel._left_by_last("ann").window == ledger


@pytest.mark.rule("I1")
def test_an_act_opens_the_window_of_the_open_conversation_and_agents_hear_of_it(stage: Stage) -> None:
    stage.logs_in("a1")
    talk = talks(stage, "wechat")
    stage.says("a1", talk, "hello")
    stage.pass_time(49 * HOUR)
    assert refused(stage.says("a1", talk, "too late")).code == "WINDOW_CLOSED"
    assert acts(stage, "wechat", "menu_click").conversation == talk
    news = stage.mail["agent/a1"][-1].news
    assert isinstance(news, WindowChanged)
    assert news.window is not None
    assert (news.trigger, news.window.sends_left) == ("menu_click", 3)
    assert news.window.closes_at == stage.clock.now() + 60
    for _ in range(3):
        assert isinstance(stage.says("a1", talk, "quick"), Ack)
    assert refused(stage.says("a1", talk, "quick")).code == "WINDOW_CLOSED"
    assert refused(acts(stage, "wechat", "dance")).code == "NOT_ALLOWED"


@pytest.mark.rule("I1")
def test_what_a_customer_did_before_the_conversation_counts_in_it(stage: Stage) -> None:
    assert isinstance(acts(stage, "facebook", "ad_click"), Ack)
    stage.clock.advance(HOUR)
    talk = stage.writes("ann", channel="facebook").conversation
    ledger = stage.state(talk).window
    assert ledger is not None
    assert ledger.until == stage.clock.now() - HOUR + 7 * DAY


@pytest.mark.rule("I2")
def test_agents_see_with_each_message_and_in_the_snapshot_what_is_left(stage: Stage) -> None:
    stage.logs_in("a1")
    talk = talks(stage, "wechat")
    stage.writes("ann", "me again", channel="wechat")
    news = stage.mail["agent/a1"][-1].news
    assert isinstance(news, CustomerSaid)
    assert news.window is not None
    assert (news.window.rule, news.window.sends_left) == ("wechat-official-account/message", 5)
    assert isinstance(stage.says("a1", talk, "yes"), Ack)
    sent = stage.mail["channel/wechat"][-1].news
    assert sent.expires_at == stage.clock.now() + 48 * HOUR  # type: ignore[union-attr]


@pytest.mark.rule("I3")
def test_the_gateway_is_told_the_tag_of_a_late_message(stage: Stage) -> None:
    stage.logs_in("a1")
    talk = talks(stage, "facebook")
    stage.says("a1", talk, "hello")
    stage.pass_time(2 * DAY)
    assert isinstance(stage.says("a1", talk, "sorry for the wait"), Ack)
    sent: Any = stage.mail["channel/facebook"][-1].news
    assert (sent.tag, sent.expires_at) == ("HUMAN_AGENT", stage.clock.now() + 5 * DAY)


@pytest.mark.rule("I3")
@pytest.mark.parametrize("parked", [False, True])
def test_a_window_that_closes_on_a_customer_who_waits_is_told_once(stage: Stage, parked: bool) -> None:
    stage.logs_in("a1")
    talk = talks(stage, "wechat")
    stage.writes("ann", "anybody?", channel="wechat")
    if parked:
        stage.clock.advance(100)
        stage.turn(park_idle_s=50.0)
        assert ("conversation", "acme", talk) not in stage.system.actors
    stage.pass_time(48 * HOUR - (101 if parked else 1))
    assert "WindowLapsed" not in stage.events_of(talk)
    stage.pass_time(1)
    stage.pass_time(1)
    stage.pass_time(DAY)
    assert stage.events_of(talk).count("WindowLapsed") == 1
    assert stage.news_of("agent/a1").count("WindowChanged") == 1
    stage.writes("ann", "still there?", channel="wechat")
    stage.says("a1", talk, "yes")
    stage.pass_time(3 * DAY)
    assert stage.events_of(talk).count("WindowLapsed") == 1, "this time somebody has answered"


def test_a_window_that_is_set_while_running_counts_from_the_next_message() -> None:
    stage = Stage(desk=desk_text())
    stage.logs_in("a1")
    talk = stage.begin_conversation("ann", "a1")
    stage.applies(desk_text(channels={"web": 'window = "one"'}, extra=ONE))
    for _ in range(3):
        assert isinstance(stage.says("a1", talk, "not counted yet"), Ack)
    stage.writes("ann", "hello?")
    assert isinstance(stage.says("a1", talk, "the one"), Ack)
    assert refused(stage.says("a1", talk, "the other")).code == "WINDOW_CLOSED"
    stage.applies(desk_text())
    assert isinstance(stage.says("a1", talk, "no window any more"), Ack)


@pytest.mark.rule("I4")
@pytest.mark.parametrize("parked", [False, True])
def test_a_visitor_who_leaves_the_page_cannot_be_written_to_until_he_is_back(
    stage: Stage, parked: bool
) -> None:
    def gateway(kind: Any) -> None:
        message = kind(stage.command_id(), "web", "ann")
        assert isinstance(stage.tell(("customer", "acme", "web/ann"), message, "gateway/web"), Ack)

    gateway(VisitorEntered)
    stage.logs_in("a1")
    talk = talks(stage, "web")
    assert isinstance(stage.says("a1", talk, "hello"), Ack)
    if parked:
        stage.clock.advance(1)
        stage.turn(park_idle_s=0.0)
    gateway(VisitorLeft)
    answer = refused(stage.says("a1", talk, "are you there?"))
    assert (answer.code, "has left the page" in answer.message) == ("WINDOW_CLOSED", True)
    gateway(VisitorEntered)
    assert isinstance(stage.says("a1", talk, "welcome back"), Ack)
    gateway(VisitorLeft)
    stage.writes("ann", "from my other device")
    assert isinstance(stage.says("a1", talk, "I see"), Ack)
    news = [each.news for each in stage.mail["agent/a1"] if isinstance(each.news, WindowChanged)]
    assert [each.trigger for each in news] == ["disconnect", "connect", "disconnect"]


@pytest.mark.rule("I4")
def test_where_nothing_counts_or_ends_no_event_is_any_larger(stage: Stage) -> None:
    stage.logs_in("a1")
    talk = stage.begin_conversation("ann", "a1")
    stage.says("a1", talk, "hello")
    stage.writes("ann", "yes")
    for entry in stage.entries():
        assert getattr(entry.event, "window", None) is None
        assert getattr(entry.event, "sending", None) is None
    assert stage.state(talk).window is None
    assert stage.state(talk).outbox == {}
