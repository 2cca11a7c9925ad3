"""The operator at work while others talk: apply, reload, stop, a full disk, a second daemon."""

import json
import signal
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from daemon.commands import main
from daemon.exits import Exit
from protocol.client import Disconnected
from protocol.content import Text
from protocol.errors import CommandRefused
from protocol.messages import CustomerMessage, Goodbye, Refused, Welcome
from tests.plays.conftest import Town
from tests.plays.theatre import HASH, PASSWORD, PATIENCE_S, House, desk_text, until
from tests.plays.wire import Peer, new_id
from tests.rules import ROOT


def events(house: House, name: str) -> list[dict[str, object]]:
    """Return the log's events of that name."""
    lines = [json.loads(line) for line in house.stderr().splitlines() if line.startswith("{")]
    return [line for line in lines if line["event"] == name]


def test_apply_adds_an_agent_while_others_talk_and_dry_run_changes_nothing(
    town: Town, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    town.opens("anna")
    gateway, console = town.gateway(), town.console()
    anna = console.agent("anna")
    conversation = gateway.writes("olena").conversation
    anna.accepts(anna.is_offered())
    desk = tmp_path / "desk.toml"
    desk.write_text(desk_text(town.tenant, ["anna", "vera"]), encoding="utf-8")
    socket = str(town.house.folder / "admin.sock")

    assert main.run(["apply", str(desk), "--dry-run", "--socket", socket]) == Exit.OK
    assert "vera" in capsys.readouterr().out
    with pytest.raises(CommandRefused, match="NOT_AUTHENTICATED"):
        console.agent("vera")

    assert main.run(["apply", str(desk), "--socket", socket]) == Exit.OK
    assert "vera" in capsys.readouterr().out
    assert main.run(["apply", str(desk), "--socket", socket]) == Exit.OK
    assert "nothing changes" in capsys.readouterr().out
    vera = console.agent("vera")
    anna.chooses("away")
    gateway.writes("pavlo")
    assert vera.is_offered().contact == "pavlo"
    anna.says(conversation, "I am still here.")
    assert not [notice for notice in console.notices if isinstance(notice, Disconnected)]


def test_apply_takes_a_peer_away_and_its_session_ends(town: Town) -> None:
    town.opens("anna", consoles={"office": None, "home": None})
    with Peer(town.house.consoles) as home, Peer(town.house.consoles) as office:
        home.says_hello("console", f"{town.tenant}:home")
        office.says_hello("console", f"{town.tenant}:office")
        home.logs_in("anna")
        town.opens("anna", consoles={"office": None})
        assert home.hears(Goodbye).code == "NOT_AUTHENTICATED"
        assert office.is_answered()


def test_a_changed_desk_leaves_the_sessions_alone_though_another_tenant_has_the_same_names(
    town: Town,
) -> None:
    """On a plain listener a peer says ``tenant:name``: its session must not be judged by the name alone."""
    town.opens("anna")
    with Peer(town.house.consoles) as office:
        office.says_hello("console", f"{town.tenant}:office")
        town.opens("anna", "boris")
        assert office.is_answered()


def test_apply_of_a_broken_desk_names_every_problem_and_changes_nothing(
    town: Town, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    town.opens("anna")
    desk = tmp_path / "desk.toml"
    text = desk_text(town.tenant, ["anna", "vera"]).replace('gateway = "shop"', 'gateway = "shoo"')
    desk.write_text(text.replace("capacity = 4", "capacity = 0"), encoding="utf-8")
    code = main.run(["apply", str(desk), "--socket", str(town.house.folder / "admin.sock")])
    assert code == Exit.CONFIGURATION
    problems = capsys.readouterr().err
    assert all(
        word in problems for word in ("3 problems", "agents.anna.capacity", "agents.vera.capacity", "shoo")
    )
    with pytest.raises(CommandRefused, match="NOT_AUTHENTICATED"):
        town.console().agent("vera")


def test_sighup_takes_a_good_file_and_with_a_broken_one_keeps_the_old_desk_and_says_so() -> None:
    with House(desk_text(agents=["anna"]), http=True) as house:
        gateway, console = house.gateway(), house.console()
        console.agent("anna")

        house.desk.write_text(desk_text(agents=["anna", "vera"]), encoding="utf-8")
        house.signal(signal.SIGHUP)
        until(lambda: events(house, "config.reloaded"), "the reload")
        console.agent("vera")

        house.desk.write_text(desk_text(agents=["zoe"]) + "[broken", encoding="utf-8")
        house.signal(signal.SIGHUP)
        failed = until(lambda: events(house, "config.reload_failed"), "the failed reload")
        assert "desk0.toml" in str(failed[0]["problems"])
        assert house.metric("switchboard_config_last_reload_successful") == 0
        gateway.writes("olena")
        console.client.login("anna", PASSWORD)
        with pytest.raises(CommandRefused, match="NOT_AUTHENTICATED"):
            console.agent("zoe")
        assert house.fetch("/readyz")[0] == 200


@pytest.mark.rule("guarantee-G1", "guarantee-G2")
def test_sigterm_says_goodbye_ends_well_and_leaves_nothing_to_replay() -> None:
    with House(desk_text()) as house:
        gateway, anna = house.gateway(), house.console().agent("anna")
        for number in range(50):
            gateway.writes(f"customer-{number % 5}", f"{number}")
        anna.accepts(anna.is_offered())
        house.everybody_leaves()
        with Peer(house.gateways) as peer:
            peer.says_hello("gateway", "acme:shop")
            house.signal(signal.SIGTERM)
            assert peer.hears(Goodbye).code == "STOPPING"
            assert house.ends() == Exit.OK
        house.start()
        recovered = events(house, "journal.recovered")
        assert recovered[0]["position"] == 0
        assert recovered[1]["position"] > 50  # type: ignore[operator]
        assert recovered[1]["replayed"] == 0


def test_stop_is_as_sigterm() -> None:
    with House(desk_text()) as house:
        assert house.ask("stop")["ok"]
        assert house.ends() == Exit.OK


@pytest.mark.rule("guarantee-G12")
@pytest.mark.parametrize("admin_socket", ["admin.sock", "other.sock"])
def test_a_second_daemon_on_the_same_directory_is_refused_and_the_first_goes_on(admin_socket: str) -> None:
    with House(desk_text()) as house:
        text = house.config.read_text(encoding="utf-8")
        second = house.folder / "second.toml"
        text = text.replace("gateways", "gateways2").replace("[listen.gateways2]", "[listen.gateways]")
        text = text.replace("consoles", "consoles2").replace("[listen.consoles2]", "[listen.consoles]")
        second.write_text(text.replace("admin.sock", admin_socket), encoding="utf-8")
        done = serve(second)
        assert done.returncode == Exit.UNAVAILABLE
        assert "another daemon" in done.stderr
        assert not (house.folder / "gateways2").exists()
        house.gateway().writes("olena")
        assert house.status()["ready"]


def serve(config: Path) -> subprocess.CompletedProcess[str]:
    """Try to run a daemon that is not expected to stay."""
    return subprocess.run(
        [sys.executable, "-m", "daemon", "serve", "--config", str(config)],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )


def test_a_wrong_configuration_is_named_whole_and_nothing_is_started(tmp_path: Path) -> None:
    config, desk = tmp_path / "switchboard.toml", tmp_path / "desk.toml"
    config.write_text(
        '[daemon]\nstate_directory = "state"\ndesks = ["desk.toml", "nowhere.toml"]\n'
        '[listen.gateways]\naddress = "tcp://192.0.2.1:5570"\ncurve = false\n'
        '[timing]\nheartbeat_s = 20\nlease_s = 10\n[log]\nlevel = "loud"\n[limtis]\nwindow = 3\n'
    )
    desk.write_text(
        f'tenant = "acme"\n[departments.help]\nname = "Help"\noffer_timeout_s = -1\n'
        f'[agents.anna]\nname = "Anna"\npassword = "secret-in-clear"\ndepartments = ["helpp"]\n'
        f'[agents.boris]\nname = "Boris"\npassword = "{HASH}"\ndepartments = ["help"]\ncolour = 1\n'
        f'[gateways.shop]\npublic_key = "short"\n'
    )
    done = serve(config)
    assert done.returncode == Exit.CONFIGURATION
    expected = ["nowhere.toml", "curve", "lease_s", "log.level", "limtis"]
    expected += ["offer_timeout_s", "agents.anna.password", "helpp", "colour", "gateways.shop.public_key"]
    assert [word for word in expected if word not in done.stderr] == []
    assert f"{len(expected)} problems" in done.stderr
    assert "secret-in-clear" not in done.stderr
    assert not (tmp_path / "state").exists()


def test_a_missing_server_key_is_named_and_nothing_listens(tmp_path: Path) -> None:
    config, desk = tmp_path / "switchboard.toml", tmp_path / "desk.toml"
    listen = "".join(
        f'[listen.{side}]\naddress = "ipc://{tmp_path}/{side}"\n' for side in ("gateways", "consoles")
    )
    config.write_text(
        f'[daemon]\nstate_directory = "state"\ndesks = ["desk.toml"]\n[http]\nport = 0\n{listen}'
    )
    desk.write_text('tenant = "acme"\n')
    done = serve(config)
    assert done.returncode == Exit.CONFIGURATION
    assert "server.secret" in done.stderr
    assert not (tmp_path / "gateways").exists()


@pytest.mark.rule("guarantee-G13")
def test_with_the_disk_nearly_full_commands_are_busy_and_the_daemon_is_not_ready() -> None:
    house = House(desk_text(), http=True, journal={"free_bytes_min": 2**50}).start(ready=False)
    with house, ExitStack() as stack:
        until(house.reached, "the admin socket")
        shop = stack.enter_context(Peer(house.gateways))
        shop.says_hello("gateway", "acme:shop")
        refused = shop.answer(CustomerMessage(new_id(), "web", "olena", Text("Hello?")))
        assert isinstance(refused, Refused)
        assert (refused.code, refused.retry_after_s) == ("BUSY", 5.0)
        code, page = house.fetch("/readyz")
        assert code == 503
        assert "disk" in page
        position = house.status()["position"]
        assert shop.is_answered()

        # There is room again: without a restart the same command is taken.
        text = house.config.read_text(encoding="utf-8")
        house.config.write_text(text.replace(str(2**50), "0"), encoding="utf-8")
        house.signal(signal.SIGHUP)
        until(lambda: house.status()["ready"], "readiness")
        assert house.status()["position"] == position
        assert shop.code(CustomerMessage(new_id(), "web", "olena", Text("Hello?"))) == "Ack"


def test_connections_beyond_the_limit_are_told_that_the_daemon_is_busy() -> None:
    with House(desk_text(), limits={"connections": 2}) as house:
        with Peer(house.gateways) as one, Peer(house.consoles) as two, Peer(house.gateways) as three:
            one.says_hello("gateway", "acme:shop")
            two.says_hello("console", "acme:office")
            three.pings()
            assert three.next().code == "BUSY"
            assert one.is_answered()
            assert two.is_answered()
            two.say(Goodbye())
            assert one.is_answered()
        with Peer(house.gateways) as four:
            assert isinstance(four.says_hello("gateway", "acme:shop"), Welcome)


def test_the_wrong_door_and_the_wrong_version_are_told_so(town: Town) -> None:
    town.opens("anna")
    for role, name, version, code in (
        ("console", "office", "1.0", "NOT_ALLOWED"),
        ("gateway", "nobody", "1.0", "NOT_AUTHENTICATED"),
        ("gateway", "shop", "2.0", "VERSION"),
    ):
        with Peer(town.house.gateways) as peer:
            peer.hello(role, f"{town.tenant}:{name}", version)
            assert peer.next().code == code


def test_why_is_answered_over_the_wire_and_to_the_operator(
    town: Town, capsys: pytest.CaptureFixture[str]
) -> None:
    town.opens("anna", "boris")
    gateway, console = town.gateway(), town.console()
    anna = console.agent("anna")
    conversation = gateway.writes("olena").conversation
    anna.accepts(anna.is_offered())
    socket = str(town.house.folder / "admin.sock")

    assert main.run(["explain", conversation, "--socket", socket]) == Exit.OK
    said = capsys.readouterr().out
    assert f"{conversation} of {town.tenant}: open in help, assigned to anna" in said
    assert "offered to anna, who has accepted" in said
    (decision,) = [each for each in anna.client.explain("anna", conversation).decisions if each.agent]
    assert (decision.agent, decision.outcome) == ("anna", "accepted")

    assert (
        main.run(["explain", "--why-idle", "boris", "--tenant", town.tenant, "--socket", socket]) == Exit.OK
    )
    assert "The agent is not logged in. (offline)" in capsys.readouterr().out
    assert main.run(["explain", conversation, "--why-not", "boris", "--socket", socket]) == Exit.OK
    assert conversation in capsys.readouterr().out
    assert main.run(["explain", "nothing", "--socket", socket]) == Exit.USAGE

    (boris,) = anna.client.read_colleagues("anna").colleagues
    assert (boris.agent, boris.presence) == ("boris", "offline")
    assert gateway.client.read_position("web", "olena").waiting is False
    arguments = ["order", "help", "newest", "--tenant", town.tenant, "--socket", socket]
    assert main.run(arguments) == Exit.OK
    assert capsys.readouterr().out == "help: newest, changed while running; waiting: 0\n"
    assert anna.client.read_queue("anna", "help").order == "newest"
    assert town.house.status()["tenants"][town.tenant]["queues"]["help"]["order"] == "newest"
