"""Agent sessions: many on one connection, opened again by token after a reconnect."""

import math

import pytest

from protocol.client.events import AgentLost, Answered, StreamEnded
from protocol.errors import Code, LocalProtocolError
from protocol.fields import Message
from protocol.messages import (
    LoggedIn,
    Login,
    LoginWithToken,
    Logout,
    Refused,
    SessionEnded,
    Snapshot,
    Subscribe,
    Subscribed,
)
from tests.protocol.client.rig import ANNA, Rig, ack, deliveries, only, texts


@pytest.fixture
def rig() -> Rig:
    return Rig()


def admit(rig: Rig, said: list[Message], token: str = "token-2") -> list[Message]:
    """Let every agent in who asks by token."""
    asked = [message for message in said if isinstance(message, LoginWithToken)]
    return rig.say(*[LoggedIn(each.id, each.agent, token, math.inf) for each in asked])


def test_the_first_login_goes_by_password_and_is_answered(rig: Rig) -> None:
    rig.connect()
    rig.logged_in()
    assert [type(event.answer) for event in rig.events(Answered)] == [LoggedIn]


def test_after_a_reconnect_every_agent_is_logged_in_by_token(rig: Rig) -> None:
    rig.connect()
    rig.logged_in("anna", "token-a")
    rig.logged_in("boris", "token-b")
    rig.lose()
    said = [message for message in rig.connect() if isinstance(message, LoginWithToken)]
    assert [(each.agent, each.token) for each in said] == [("anna", "token-a"), ("boris", "token-b")]
    admit(rig, list(said))
    assert len(rig.events(Answered)) == 2  # The user hears of the first logins only.


def test_the_newest_token_is_used(rig: Rig) -> None:
    rig.connect()
    rig.logged_in()
    rig.lose()
    admit(rig, rig.connect(), "token-2")
    rig.lose()
    assert only(LoginWithToken, rig.connect()).token == "token-2"


def test_an_agents_stream_and_commands_wait_for_the_login(rig: Rig) -> None:
    rig.connect()
    rig.logged_in()
    rig.client.subscribe(rig.ids(), ANNA)
    rig.say(Subscribed(only(Subscribe, rig.hear()).id, ANNA, 40), Snapshot(ANNA, 40, "online", [], []))
    rig.agent_says("hello")
    rig.hear()
    rig.lose()
    said = rig.connect()
    assert [type(message) for message in said] == [LoginWithToken]
    after_login = admit(rig, said)
    assert only(Subscribe, after_login).after == 40
    assert texts(after_login) == ["hello"]


def test_a_refused_token_is_followed_by_the_password(rig: Rig) -> None:
    rig.connect()
    rig.logged_in()
    rig.agent_says("hello")
    rig.hear()
    rig.lose()
    refused = Refused(Code.NOT_AUTHENTICATED, id=only(LoginWithToken, rig.connect()).id)
    login = only(Login, rig.say(refused))
    assert (login.agent, login.password) == ("anna", "secret")
    assert texts(rig.say(LoggedIn(login.id, "anna", "token-3", math.inf))) == ["hello"]


def test_an_agent_whose_password_is_refused_too_is_lost_with_stream_and_commands(rig: Rig) -> None:
    rig.connect()
    rig.logged_in()
    rig.client.subscribe(rig.ids(), ANNA)
    sent = rig.agent_says("one")
    rig.hear()
    rig.lose()
    unsent = rig.agent_says("two", conversation="k2")
    login = only(Login, rig.say(Refused(Code.NOT_AUTHENTICATED, id=only(LoginWithToken, rig.connect()).id)))
    rig.say(Refused(Code.NOT_AUTHENTICATED, "changed", login.id))
    assert rig.events(AgentLost) == [AgentLost("anna", Code.NOT_AUTHENTICATED, "changed")]
    assert [event.stream for event in rig.events(StreamEnded)] == [ANNA]
    # What was sent before may be stored, and only what never left is definitely refused (G2).
    assert (sent, Code.SILENT) in rig.failures()
    assert (unsent, Code.NOT_AUTHENTICATED) in rig.failures()
    with pytest.raises(LocalProtocolError, match="not logged in"):
        rig.agent_says("three")


def test_an_agent_known_by_token_alone_is_lost_with_it(rig: Rig) -> None:
    rig.connect()
    rig.client.login(rig.ids(), "anna", token="token-0")
    admit(rig, rig.hear())
    rig.lose()
    rig.say(Refused(Code.NOT_AUTHENTICATED, id=only(LoginWithToken, rig.connect()).id))
    assert [event.agent for event in rig.events(AgentLost)] == ["anna"]


def test_an_agent_whom_the_daemon_has_logged_out_stays_out_though_the_password_is_known(rig: Rig) -> None:
    rig.connect()
    rig.logged_in()
    rig.client.subscribe(rig.ids(), ANNA)
    rig.say(SessionEnded("anna", "nothing was clicked"))
    assert rig.events(AgentLost) == [AgentLost("anna", Code.NOT_AUTHENTICATED, "nothing was clicked")]
    assert [event.stream for event in rig.events(StreamEnded)] == [ANNA]
    with pytest.raises(LocalProtocolError, match="not logged in"):
        rig.agent_says("hello")
    rig.lose()
    assert rig.connect() == []


def test_an_agent_who_was_logged_out_behind_a_lost_line_stays_out_too(rig: Rig) -> None:
    rig.connect()
    rig.logged_in()
    rig.lose()
    asked = only(LoginWithToken, rig.connect())
    said = rig.say(SessionEnded("anna", "gone"), Refused(Code.NOT_AUTHENTICATED, id=asked.id))
    assert said == []
    assert [event.agent for event in rig.events(AgentLost)] == ["anna"]


def test_the_end_of_an_earlier_session_does_not_disturb_a_new_login(rig: Rig) -> None:
    rig.connect()
    wanted = rig.ids()
    rig.client.login(wanted, "anna", "secret")
    login = only(Login, rig.hear())
    rig.say(SessionEnded("anna", "gone"), LoggedIn(login.id, "anna", "token", math.inf))
    assert rig.answers() == [wanted]
    assert rig.events(AgentLost) == []


def test_a_wrong_password_is_told_to_the_user_and_not_tried_again(rig: Rig) -> None:
    rig.connect()
    wanted = rig.ids()
    rig.client.login(wanted, "anna", "wrong")
    assert rig.say(Refused(Code.NOT_AUTHENTICATED, id=only(Login, rig.hear()).id)) == []
    assert rig.failures() == [(wanted, Code.NOT_AUTHENTICATED)]
    rig.lose()
    assert rig.connect() == []


def test_a_login_that_the_connection_lost_is_made_on_the_next(rig: Rig) -> None:
    rig.connect()
    wanted = rig.ids()
    rig.client.login(wanted, "anna", "secret")
    rig.hear()
    rig.lose()
    login = only(Login, rig.connect())
    rig.say(LoggedIn(login.id, "anna", "token", math.inf))
    assert rig.answers() == [wanted]


def test_a_busy_daemon_is_asked_for_the_login_again(rig: Rig) -> None:
    rig.connect()
    rig.client.login(rig.ids(), "anna", "secret")
    rig.say(Refused(Code.BUSY, id=only(Login, rig.hear()).id, retry_after_s=1.0))
    assert only(Login, rig.wait(1.0)).agent == "anna"


def test_a_logged_out_agent_is_not_logged_in_again(rig: Rig) -> None:
    rig.connect()
    rig.logged_in()
    rig.client.subscribe(rig.ids(), ANNA)
    rig.hear()
    rig.client.command(Logout(rig.ids(), "anna"))
    rig.say(ack(only(Logout, rig.hear()).id))
    assert [(event.stream, event.code) for event in rig.events(StreamEnded)] == [(ANNA, "bye")]
    rig.lose()
    assert rig.connect() == []


def test_nothing_is_said_about_the_stream_of_an_agent_who_logs_out(rig: Rig) -> None:
    rig.connect()
    rig.logged_in()
    rig.client.subscribe(rig.ids(), ANNA)
    rig.say(
        Subscribed(only(Subscribe, rig.hear()).id, ANNA, 0),
        Snapshot(ANNA, 0, "online", [], []),
        *deliveries(1, 3, ANNA),
    )
    rig.client.command(Logout(rig.ids(), "anna"))
    only(Logout, rig.hear())
    rig.client.finished(ANNA, 3, 0, rig.now)
    assert rig.wait(1.0) == []


def test_nothing_can_be_asked_for_an_agent_who_is_not_logged_in(rig: Rig) -> None:
    rig.connect()
    with pytest.raises(LocalProtocolError, match="OUT_OF_ORDER"):
        rig.agent_says("hello", agent="nobody")
    with pytest.raises(LocalProtocolError, match="OUT_OF_ORDER"):
        rig.client.subscribe(rig.ids(), "agent/nobody")
