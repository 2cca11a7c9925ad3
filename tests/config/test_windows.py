"""Reply windows in a desk: what is right is taken, and what is wrong is named with its line."""

import pytest

from config.desk import parse_desk
from config.problems import ConfigurationError
from config.windows import WINDOWS, moment
from tests.stage import desk_text

OWN = """
[windows.own]
name = "Our own"
rules = [{ trigger = "message", sends = 3, duration_s = 60, effective_from = "2026-01-01" }]
extra = { duration_s = 600, sends = 1, tag = "LATE" }
[windows.own.codes]
"10/7" = { effect = "window_over", means = "over" }
[windows.sms]
name = "SMS as our contract has it"
rules = [{ trigger = "message", sends = 1, duration_s = 60 }]
"""


@pytest.mark.rule("I2", "I6")
def test_a_channel_has_the_window_of_its_kind_or_the_one_it_names() -> None:
    channels = {
        "wechat": 'kind = "wechat-official-account"',
        "older": 'kind = "wechat-official-account"\nwindow = "wechat-official-account-2022"',
        "own": 'window = "own"',
        "sms": 'kind = "sms"',
    }
    desk = parse_desk(desk_text(channels=channels, extra=OWN), "desk.toml")
    found = {ident: desk.window_of(channel) for ident, channel in desk.channels.items()}
    assert found["web"] == ("web", WINDOWS["web"])
    assert found["wechat"] == ("wechat-official-account", WINDOWS["wechat-official-account"])
    assert found["older"][1].rules[0].sends == 20
    assert found["own"][1].meaning("10/7") is not None
    assert found["own"][1].meaning("10/8") is None
    assert found["sms"][1].limited, "a desk may write a shipped one otherwise"


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ('rules = [{ trigger = "mesage", duration_s = 5 }]', 'Did you mean "message"?'),
        ('rules = [{ trigger = "scan" }]', "duration_s: is missing; or write while_connected = true"),
        (
            'rules = [{ trigger = "scan", duration_s = 5, while_connected = true }]',
            "does not go with duration_s",
        ),
        ('rules = [{ trigger = "scan", duration_s = 5, sends = 0 }]', "must be at least 1"),
        (
            'rules = [{ trigger = "scan", duration_s = 5, effective_from = "2026-02-30" }]',
            "is 2026-02-30, which the calendar does not have",
        ),
        (
            'rules = [{ trigger = "scan", duration_s = 5, effective_from = "2026-03-01", '
            'effective_until = "2026-02-01" }]',
            "must be later than effective_from",
        ),
        ("extra = { duration_s = 5 }", "needs a rule with the trigger message"),
        ('codes = { "no code" = { effect = "none", means = "x" } }', "must be a code of the provider"),
        ('codes = { 1 = { effect = "closed", means = "x" } }', "must be one of"),
    ],
)
def test_a_mistake_in_a_window_is_named(lines: str, says: str) -> None:
    with pytest.raises(ConfigurationError) as error:
        parse_desk(desk_text(extra=f'[windows.own]\nname = "Own"\n{lines}\n'), "desk.toml")
    assert says in str(error.value)
    assert "desk.toml:" in str(error.value)


def test_a_channel_that_names_no_window_there_is_hears_of_those_there_are() -> None:
    with pytest.raises(ConfigurationError) as error:
        parse_desk(desk_text(channels={"web": 'window = "mesenger"'}), "desk.toml")
    assert 'no window "mesenger". Did you mean "messenger"?' in str(error.value)


def test_a_date_begins_at_midnight_and_a_time_says_its_zone() -> None:
    assert moment("1970-01-02") == 86_400
    assert moment("1970-01-02T00:00+08:00") == 57_600
    assert moment("1970-01-01T00:00:10Z") == 10
