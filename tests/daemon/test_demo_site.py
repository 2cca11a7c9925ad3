"""The demo's directory and its fit."""

import stat
from pathlib import Path

import pytest

from daemon.commands.failure import Failure
from daemon.demo import picture
from daemon.demo.script import AGENT, CARD_MARK, CUSTOMER, PICTURE_MARK, load_script
from daemon.demo.site import CONFIG_FILE, DESK_FILE, Site, check_fit, load_site, make_site
from daemon.media.sniffing import Found, examine


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return make_site(tmp_path / "demo", None, 1.0)


def test_what_is_made_fits_the_script(site: Site) -> None:
    check_fit(site, load_script())


def test_nobody_else_may_read_it(site: Site) -> None:
    files = [path for path in site.directory.rglob("*") if path.is_file()]
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}


def test_keys_and_passwords_are_fresh_each_time(site: Site, tmp_path: Path) -> None:
    other = make_site(tmp_path / "other", None, 1.0)
    assert not set(site.passwords.values()) & set(other.passwords.values())
    assert site.desk.gateways["gateway"].public_key != other.desk.gateways["gateway"].public_key


def test_a_demo_is_not_made_where_there_is_one(site: Site) -> None:
    with pytest.raises(Failure, match="there is a demo here already"):
        make_site(site.directory, None, 1.0)


def test_a_desk_that_does_not_fit_is_refused_with_every_reason(site: Site) -> None:
    file = site.directory / DESK_FILE
    text = file.read_text(encoding="utf-8")
    key = site.desk.consoles["mei"].public_key
    assert key is not None
    text = text.replace("[channels.wechat]", "[channels.renamed]").replace("[agents.wei]", "[agents.wang]")
    text = text.replace("[cards.returns", "[cards.refunds")
    file.write_text(text.replace(key, key[5:] + key[:5]), encoding="utf-8")
    with pytest.raises(Failure) as caught:
        check_fit(load_site(site.directory / CONFIG_FILE, {}), load_script())
    assert "no card 'returns'" in str(caught.value)
    assert "no channel 'wechat'" in str(caught.value)
    assert "no agent 'wei'" in str(caught.value)
    assert "console 'mei' has another key" in str(caught.value)


def test_a_directory_that_no_demo_has_made_is_refused(site: Site) -> None:
    (site.directory / "passwords.toml").unlink()
    with pytest.raises(Failure, match="--attach needs a directory"):
        load_site(site.directory / CONFIG_FILE, {})


@pytest.mark.rule("H5", "H7")
def test_a_customer_sends_a_picture_and_an_agent_a_card_of_the_desk(site: Site) -> None:
    lines = [line for dialogue in load_script().conversations for line in dialogue.talk]
    assert [(side, text) for side, text in lines if text.startswith((PICTURE_MARK, CARD_MARK))] == [
        (CUSTOMER, "picture: router.png"),
        (AGENT, "card: returns"),
    ]
    assert site.desk.cards["returns"].texts["uk"].title == "Повернення та обмін"
    assert examine(picture.router()) == Found("image", "image/png", picture.WIDTH, picture.HEIGHT)


def test_the_script_has_a_dozen_whole_conversations_in_three_languages() -> None:
    whole = [one for one in load_script().conversations if not one.leaves_after_s]
    languages = [one.language for one in whole]
    assert {language: languages.count(language) for language in languages} == {"en": 5, "zh": 4, "uk": 4}
    for dialogue in whole:
        assert 6 <= len(dialogue.talk) <= 12
        assert {side for side, _ in dialogue.talk} >= {CUSTOMER, AGENT}
