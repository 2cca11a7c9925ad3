"""The commands, as an operator types them."""

import io
import os
import sqlite3
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from argon2 import PasswordHasher
from structlog.testing import capture_logs

from actors import events
from actors.events import AnyEvent
from actors.journal import EMPTY_HASH, Batch, Entry, IndexRow, LowWater, make_record
from daemon.admin import AdminServer, Answer, Request, refusal
from daemon.commands import main
from daemon.commands.packages import PACKAGES, misplaced
from daemon.exits import Exit
from daemon.stores.sqlite import SQLiteStore
from protocol.content import Text
from tests.rules import ROOT

DESK = (ROOT / "deploy" / "desk.toml").read_text(encoding="utf-8")


class Done(NamedTuple):
    code: int
    out: str
    err: str


Run = Callable[..., Done]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    for name in list(os.environ):
        if name.startswith("SWITCHBOARD"):
            monkeypatch.delenv(name)
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "home"))

    def run(*arguments: object) -> Done:
        code = main.run([str(argument) for argument in arguments])
        return Done(int(code), *capsys.readouterr())

    return run


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "switchboard.toml"
    path.write_text('[daemon]\nstate_directory = "state"\ndesks = ["desk.toml"]\n', encoding="utf-8")
    (tmp_path / "desk.toml").write_text(DESK, encoding="utf-8")
    return path


# The whole.


def test_without_arguments_the_commands_are_listed(run: Run) -> None:
    done = run()
    assert done.code == 0
    assert [name for name in main.COMMANDS if f"  {name} " not in done.out] == []


def test_every_command_can_be_imported_and_explains_itself(run: Run) -> None:
    for name in main.COMMANDS:
        done = run(name, "--help")
        assert (done.code, done.err) == (0, "")


def test_a_mistyped_command_is_usage_and_gets_a_hint(run: Run) -> None:
    done = run("chek")
    assert done.code == Exit.USAGE
    assert "No such command 'chek'. Did you mean \"check\"?" in done.err


def test_a_mistyped_option_is_usage(run: Run) -> None:
    assert run("check", "--cofnig", "x").code == Exit.USAGE


def test_the_version_is_told_and_with_verbose_what_it_is_built_on(run: Run) -> None:
    assert run("--version").out.startswith("switchboard 0.")
    verbose = run("--version", "--verbose").out
    assert [name for name in ("python", "libzmq", "sqlite", "protocol", "pykka") if name not in verbose] == []


def test_a_fault_of_ours_is_told_as_one(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(main.COMMANDS, "stop", "daemon.commands.nowhere")
    done = run("stop")
    assert done.code == Exit.INTERNAL
    assert "a fault of ours" in done.err


def test_our_packages_lie_beside_each_other() -> None:
    assert misplaced() == []


@pytest.mark.parametrize("shadow", ["/usr/lib/python3/dist-packages/config", None])
def test_a_package_that_another_distribution_hides_is_named_before_anything_else(shadow: str | None) -> None:
    places = {name: ROOT / name for name in PACKAGES} | {"config": Path(shadow) if shadow else None}
    (problem,) = misplaced(lambda name: places[name])
    assert "'config'" in problem
    assert "virtual environment of its own" in problem


# check, schema, serve.


def test_a_good_configuration_is_called_good(run: Run, config: Path) -> None:
    done = run("check", "--config", config)
    assert (done.code, done.err) == (0, "")
    assert "good: tenant shop, 3 departments" in done.out


def test_every_problem_of_every_file_is_named_with_file_line_and_hint(run: Run, config: Path) -> None:
    config.write_text(f"{config.read_text()}drain_timeout = 3\n", encoding="utf-8")
    desk = config.parent / "desk.toml"
    desk.write_text(DESK.replace('department = "sales"', 'department = "sale"'), encoding="utf-8")
    line = desk.read_text().splitlines().index('department = "sale"') + 1
    done = run("check", "--config", config)
    assert done.code == Exit.CONFIGURATION
    assert "2 problems in the configuration" in done.err
    assert f'{desk}:{line}: channels.web.department: no department "sale". Did you mean "sales"?' in done.err
    assert f'{config}:4: daemon.drain_timeout: no such setting. Did you mean "drain_timeout_s"?' in done.err


def test_desk_files_can_be_checked_alone_and_against_each_other(run: Run, config: Path) -> None:
    desk = config.parent / "desk.toml"
    assert run("check", desk).code == 0
    (config.parent / "other.toml").write_text(DESK, encoding="utf-8")
    done = run("check", desk, config.parent / "other.toml")
    assert done.code == Exit.CONFIGURATION
    assert "the same tenant as tenant in" in done.err


def test_a_desk_without_keys_is_good_alone_but_not_where_keys_are_asked_for(run: Run, config: Path) -> None:
    desk = config.parent / "desk.toml"
    desk.write_text('tenant = "shop"\n[gateways.web]\n', encoding="utf-8")
    assert run("check", desk).code == 0
    assert "gateways.web.public_key" in run("check", "--config", config, desk).err


def test_a_desk_file_that_is_not_there_is_a_problem_like_others(run: Run, tmp_path: Path) -> None:
    done = run("check", tmp_path / "none.toml")
    assert (done.code, "cannot be read" in done.err) == (Exit.CONFIGURATION, True)


def test_origins_show_where_each_setting_is_from(
    run: Run, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SWITCHBOARD__LOG__LEVEL", "debug")
    out = run("check", "--config", config, "--origins").out
    assert 'log.level = "debug"  # SWITCHBOARD__LOG__LEVEL' in out
    assert "http.port = 9570  # default" in out
    assert f"# {config}:2" in out


@pytest.mark.parametrize("kind", ["settings", "desk"])
def test_the_schemas_are_printed(run: Run, kind: str) -> None:
    assert '"additionalProperties": false' in run("schema", kind).out


def test_serve_names_every_problem_and_starts_nothing(run: Run, config: Path) -> None:
    config.write_text(f"{config.read_text()}drain_timeout = 3\nadmin = 1\n", encoding="utf-8")
    done = run("serve", "--config", config)
    assert (done.code, done.err.count(str(config))) == (Exit.CONFIGURATION, 2)
    assert not (config.parent / "state").exists()


# keys, hash-password.


def test_a_key_is_made_for_its_owner_alone_and_listed(run: Run, config: Path) -> None:
    made = run("keys", "make", "server", "--config", config)
    folder = config.parent / "state" / "keys"
    public = made.out.strip()
    assert len(public) == 40
    assert stat.S_IMODE((folder / "server.secret").stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert "secret" not in (folder / "server.public").read_text()
    assert public in run("keys", "list", "--config", config).out
    assert run("keys", "public", folder / "server.secret").out.strip() == public
    assert run("keys", "public", folder / "server.public").out.strip() == public


def test_a_key_is_never_overwritten(run: Run, tmp_path: Path) -> None:
    run("keys", "make", "web", "--directory", tmp_path)
    before = (tmp_path / "web.secret").read_text()
    done = run("keys", "make", "web", "--directory", tmp_path)
    assert (done.code, (tmp_path / "web.secret").read_text()) == (Exit.CANNOT_CREATE, before)


@pytest.mark.parametrize("name", ["../server", "a/b", ".hidden", "", "a b"])
def test_a_key_cannot_be_called_like_a_path(run: Run, tmp_path: Path, name: str) -> None:
    assert run("keys", "make", name, "--directory", tmp_path / "keys").code == Exit.USAGE
    assert list(tmp_path.iterdir()) == []


def test_a_password_from_standard_input_is_hashed(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("пароль with spaces \n"))
    done = run("hash-password")
    assert done.out.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert PasswordHasher().verify(done.out.strip(), "пароль with spaces ")


def test_an_empty_password_is_refused(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    assert run("hash-password").code == Exit.USAGE


# Those that ask the daemon.


class Daemon:
    """Answers like a daemon and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[Request] = []
        self.answer: Answer = {"ok": True}

    def handle(self, request: Request) -> Answer:
        self.asked.append(request)
        return self.answer


@pytest.fixture
def daemon(config: Path) -> Iterator[Daemon]:
    daemon = Daemon()
    server = AdminServer(config.parent / "state" / "admin.sock", daemon.handle)
    with capture_logs():  # What the daemon logs is not what the command prints.
        server.start()
        yield daemon
        server.close()


@pytest.mark.parametrize("command", [["status"], ["reload"], ["stop"], ["apply", "desk.toml"]])
def test_without_a_daemon_it_is_said_where_one_was_looked_for(
    run: Run, config: Path, monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    monkeypatch.chdir(config.parent)
    done = run(*command, "--config", config)
    assert done.code == Exit.UNAVAILABLE
    assert f"{config.parent / 'state' / 'admin.sock'}: no daemon answers here" in done.err


def test_a_desk_is_sent_whole_and_the_changes_are_printed(run: Run, config: Path, daemon: Daemon) -> None:
    daemon.answer = {"ok": True, "changes": ["~ agents.wei.capacity: 6 -> 9"]}
    desk = config.parent / "desk.toml"
    done = run("apply", desk, "--config", config)
    assert done.out == "shop has changed:\n  ~ agents.wei.capacity: 6 -> 9\n"
    assert daemon.asked == [{"do": "apply", "text": DESK, "file": str(desk), "dry_run": False}]


def test_a_dry_run_is_asked_for_as_one(run: Run, config: Path, daemon: Daemon) -> None:
    daemon.answer = {"ok": True, "changes": []}
    done = run("apply", "--dry-run", config.parent / "desk.toml", "--config", config)
    assert (done.out, daemon.asked[0]["dry_run"]) == ("nothing changes\n", True)


def test_a_wrong_desk_is_never_sent(run: Run, config: Path, daemon: Daemon) -> None:
    desk = config.parent / "desk.toml"
    desk.write_text("tenant = 1\nagent = 2\n", encoding="utf-8")
    done = run("apply", desk, "--config", config)
    assert (done.code, daemon.asked) == (Exit.CONFIGURATION, [])
    assert (f"{desk}:1: " in done.err, f"{desk}:2: " in done.err) == (True, True)


def test_problems_that_only_the_daemon_sees_are_listed_too(run: Run, config: Path, daemon: Daemon) -> None:
    daemon.answer = refusal("the configuration has problems", ["desk.toml: departments.sales: 3 wait in it"])
    done = run("apply", config.parent / "desk.toml", "--config", config)
    assert done.code == Exit.CONFIGURATION
    assert "departments.sales: 3 wait in it" in done.err


def test_a_refusal_without_problems_is_temporary(run: Run, config: Path, daemon: Daemon) -> None:
    daemon.answer = refusal("the daemon is draining")
    done = run("reload", "--config", config)
    assert (done.code, "the daemon is draining" in done.err) == (Exit.TEMPORARY, True)


def test_a_reload_says_what_waits_for_a_restart(run: Run, config: Path, daemon: Daemon) -> None:
    daemon.answer = {"ok": True, "changes": ["log.level"], "at_restart": ["http.port"]}
    done = run("reload", "--config", config)
    assert done.out == "changed:\n  log.level\nonly a restart changes: http.port\n"


def test_a_daemon_is_told_to_stop(run: Run, config: Path, daemon: Daemon) -> None:
    assert run("stop", "--socket", config.parent / "state" / "admin.sock").code == 0
    assert daemon.asked == [{"do": "stop"}]


def test_the_status_is_a_table_or_json(run: Run, config: Path, daemon: Daemon) -> None:
    daemon.answer = {"ok": True, "ready": True, "position": 12345, "agents": {"online": 3}, "waiting": {}}
    table = run("status", "--config", config).out.splitlines()
    assert [line.split() for line in table] == [
        ["ready", "yes"],
        ["position", "12,345"],
        ["agents"],
        ["online", "3"],
        ["waiting", "none"],
    ]
    assert '"position": 12345' in run("status", "--json", "--config", config).out


def test_the_status_of_a_tenant_has_a_row_for_each_queue(run: Run, config: Path, daemon: Daemon) -> None:
    queue = {"waiting": 3, "longest_s": 61, "order": "newest"}
    shop = {
        "queues": {"support": queue},
        "agents": {"online": 2, "load": "3 of 8 units"},
        "audit": {"rounds": 4, "compared": 12, "violations": 0},
        "shadow": None,
    }
    daemon.answer = {"ok": True, "tenants": {"shop": shop}}
    table = run("status", "--config", config).out.splitlines()
    assert [(len(line) - len(line.lstrip()), " ".join(line.split())) for line in table] == [
        (0, "tenants"),
        (2, "shop"),
        (4, "queues"),
        (6, "support waiting 3, longest_s 61, order newest"),
        (4, "agents online 2, load 3 of 8 units"),
        (4, "audit rounds 4, compared 12, violations 0"),
        (4, "shadow none"),
    ]


# Why.

DECIDED = {
    "at": 0.0,
    "sequence": 4,
    "agent": "wei",
    "outcome": "accepted",
    "trigger": "capacity_freed",
    "rule": "longest_wait",
    "choice": "least_loaded",
    "considered": 1,
    "excluded": {"no_room": 2, "away": 1},
    "waited_s": 30.52,
    "used": 2,
    "capacity": 6,
    "policy": "9f86d081",
}


def test_an_explanation_has_a_sentence_for_each_reason(run: Run, config: Path, daemon: Daemon) -> None:
    about = {
        "tenant": "shop",
        "conversation": "k1",
        "status": "open",
        "department": "support",
        "assignee": "wei",
    }
    daemon.answer = {"ok": True, **about, "decisions": [DECIDED]}
    assert run("explain", "k1", "--config", config).out.splitlines() == [
        "k1 of shop: open in support, assigned to wei",
        "1970-01-01T00:00:00.000Z  offered to wei, who has accepted",
        "  The agent has room again. (capacity_freed)",
        "  It has waited longest of all that the agent can take. (longest_wait)",
        "  The agent has the least work for the capacity. (least_loaded)",
        "  The customer had waited 30.5 s; eligible: 1; not eligible: 1 away, 2 no_room; load: 2 of 6 units; "
        "desk: 9f86d081.",
    ]
    doubled = {**DECIDED, "choice": "capacity_freed"}
    daemon.answer = {"ok": True, **about, "decisions": [doubled]}
    assert run("explain", "k1", "--config", config).out.count("capacity_freed") == 1
    daemon.answer = {"ok": True, **about, "decisions": []}
    assert "nothing has been decided" in run("explain", "k1", "--config", config).out
    assert '"decisions": []' in run("explain", "k1", "--json", "--config", config).out


@pytest.mark.parametrize(
    ("outcome", "fields", "told"),
    [
        ("queued", {"department": "support"}, "put into the queue of support"),
        ("transfer declined", {"agent": "wei", "by": "olena"}, "transfer to wei by olena: declined"),
        (
            "transfer",
            {"department": "sales", "by": "olena"},
            "to be transferred to the queue of sales by olena: not answered yet",
        ),
        ("handed_over", {"agent": "wei", "by": "olena"}, "handed over to wei by olena"),
        ("released", {"agent": "wei", "department": "sales"}, "wei has lost it to the queue of sales"),
    ],
)
def test_an_explanation_says_who_moved_it_where_to(
    run: Run, config: Path, daemon: Daemon, outcome: str, fields: dict[str, str], told: str
) -> None:
    about = {"tenant": "shop", "conversation": "k1", "status": "open", "department": "d", "assignee": ""}
    decision = {"at": 0.0, "sequence": 4, "agent": "", "trigger": "solved", "outcome": outcome, **fields}
    daemon.answer = {"ok": True, **about, "decisions": [decision]}
    assert run("explain", "k1", "--config", config).out.splitlines()[1:] == [
        f"1970-01-01T00:00:00.000Z  {told}",
        "  The reason given: solved",
    ]


def test_why_not_and_why_idle_say_every_reason_or_that_there_is_none(
    run: Run, config: Path, daemon: Daemon
) -> None:
    reason = {"code": "no_room", "sentence": "The agent's capacity is used up.", "about": "4 of 4"}
    daemon.answer = {"ok": True, "conversation": "k1", "agent": "wei", "reasons": [reason]}
    out = run("explain", "k1", "--why-not", "wei", "--config", config).out
    assert out == "k1 to wei:\n  The agent's capacity is used up. (no_room, 4 of 4)\n"
    daemon.answer = {"ok": True, "agent": "wei", "reasons": []}
    out = run("explain", "--why-idle", "wei", "--config", config).out
    assert out == "wei: nothing stands in the way\n"
    assert [asked["idle"] for asked in daemon.asked] == [False, True]
    assert [asked["agent"] for asked in daemon.asked] == ["wei", "wei"]


@pytest.mark.parametrize(
    "arguments",
    [
        ["explain"],
        ["explain", "k1", "--why-idle", "wei"],
        ["explain", "--why-not", "a", "--why-idle", "b"],
        ["order", "support", "--until-backlog"],
        ["order", "support", "desk", "--until-backlog"],
        ["order", "support", "fastest"],
        ["apply"],
        ["apply", "desk.toml", "--shadow", "--dry-run"],
    ],
)
def test_what_does_not_go_together_is_a_wrong_command_line(
    run: Run, config: Path, daemon: Daemon, arguments: list[str]
) -> None:
    assert run(*arguments, "--config", config).code == Exit.USAGE
    assert daemon.asked == []


def test_what_is_named_and_does_not_exist_is_the_command_lines_fault(
    run: Run, config: Path, daemon: Daemon
) -> None:
    daemon.answer = {**refusal('no agent "wie". Did you mean "wei"?'), "unknown": True}
    done = run("explain", "--why-idle", "wie", "--config", config)
    assert (done.code, 'no agent "wie". Did you mean "wei"?' in done.err) == (Exit.USAGE, True)


# Orders and the shadow.


def test_an_order_is_shown_and_changed(run: Run, config: Path, daemon: Daemon) -> None:
    daemon.answer = {
        "ok": True,
        "department": "support",
        "order": "newest",
        "of_desk": False,
        "until": "backlog",
        "waiting": 12,
    }
    out = run("order", "support", "newest", "--until-backlog", "--config", config).out
    wanted = (
        "support: newest, changed while running, until the turn of somebody who waited before; waiting: 12\n"
    )
    assert out == wanted
    run("order", "support", "desk", "--config", config)
    run("order", "support", "--config", config)
    assert [(asked["order"], asked["until_backlog"]) for asked in daemon.asked] == [
        ("newest", True),
        ("", False),
        (None, False),
    ]


def test_a_shadow_desk_is_sent_and_taken_away(run: Run, config: Path, daemon: Daemon) -> None:
    daemon.answer = {"ok": True, "tenant": "shop", "changes": ["~ agents.wei.capacity: 6 -> 9"]}
    desk = config.parent / "desk.toml"
    out = run("apply", "--shadow", desk, "--config", config).out
    assert out.startswith("shop: decides in the shadow")
    assert run("apply", "--no-shadow", "--config", config).out == "shop: no shadow desk decides any more\n"
    assert [(asked["do"], asked.get("text")) for asked in daemon.asked] == [
        ("shadow", DESK),
        ("shadow", None),
    ]


# Those that read the journal.

STREAM = "c1"
SAID = "my card \x1b[2J is lost"
HASH = "$argon2id$secret"
STORY: list[list[AnyEvent]] = [
    [
        events.Started("web", "u1", "sales", "Ганна"),
        events.CustomerWrote("u1", Text(SAID)),
        events.Queued("sales", 1.0, "new"),
    ],
    [events.AgentWrote("olena", "u1", Text("I will help"))],
    [events.Ended("agent", "u1", "solved")],
]


@pytest.fixture
def journal(config: Path) -> Path:
    """A journal of three turns; the store's index knows the first of them."""
    path = config.parent / "state" / "journal.db"
    store = SQLiteStore(path)
    opened = store.open()
    digest, position, sequence = EMPTY_HASH, 1, 0
    for turn, story in enumerate(STORY):
        entries = []
        for event in story:
            sequence += 1
            entries.append(Entry("shop", "conversation", STREAM, sequence, 1_800_000_000.0 + sequence, event))
        if turn == 1:
            desk = events.DeskApplied("d", f'password = "{HASH}"', "file", [])
            entries.append(Entry("shop", "dispatcher", "", 1, 1_800_000_000.0, desk))
        record = make_record(position, opened.epoch, entries, digest)
        index = [IndexRow(("conversation", "shop", STREAM), 1, (1, 2, 3))] if turn == 0 else []
        store.commit(Batch(record, [], index, [], LowWater(0, 3, 0)))
        digest, position = record.hash, position + len(entries)
    store.close()
    return path


def damage(journal: Path, statement: str, *values: object) -> None:
    connection = sqlite3.connect(journal)
    with connection:
        connection.execute(statement, values)
    connection.close()


def test_a_good_journal_verifies(run: Run, config: Path, journal: Path) -> None:
    done = run("verify", "--config", config)
    assert (done.code, done.err) == (0, "")
    assert "good: 6 events in 3 turns and 2 streams" in done.out
    assert run("verify", "--journal", journal).out == done.out


def test_an_empty_journal_verifies(run: Run, tmp_path: Path) -> None:
    store = SQLiteStore(tmp_path / "journal.db")
    store.open()
    store.close()
    assert "it is empty" in run("verify", "--journal", tmp_path / "journal.db").out


def test_a_journal_can_be_verified_while_the_daemon_has_it(run: Run, journal: Path) -> None:
    store = SQLiteStore(journal)
    store.open()
    try:
        assert run("verify", "--journal", journal).code == 0
    finally:
        store.close()


def test_reading_changes_nothing_in_the_file(run: Run, journal: Path) -> None:
    before = journal.read_bytes()
    for command in ("verify", "tail"):
        assert run(command, "--journal", journal).code == 0
    assert journal.read_bytes() == before


@pytest.mark.parametrize(
    ("statement", "values", "position"),
    [
        ("UPDATE journal SET body = CAST(replace(body, 'help', 'harm') AS BLOB) WHERE position = 4", (), 4),
        ("UPDATE journal SET hash = zeroblob(16) WHERE position = 1", (), 1),
        ("DELETE FROM journal WHERE position = 4", (), 4),
        ("UPDATE journal SET epoch = 0 WHERE position = 6", (), 6),
        ("DELETE FROM journal WHERE position = 6", (), 6),
    ],
)
def test_damage_is_named_by_its_first_position(
    run: Run, journal: Path, statement: str, values: tuple[object, ...], position: int
) -> None:
    damage(journal, statement, *values)
    if "= 6" in statement and "DELETE" in statement:
        damage(journal, "UPDATE shard SET snapshots = 6")
    done = run("verify", "--journal", journal)
    assert done.code == Exit.DATA
    assert f"the journal is damaged at position {position}:" in done.err


def test_a_stream_with_a_gap_is_damage_even_where_the_chain_holds(run: Run, tmp_path: Path) -> None:
    store = SQLiteStore(tmp_path / "journal.db")
    opened = store.open()
    entries = [Entry("shop", "agent", "olena", n, 0.0, events.LoggedIn("online")) for n in (1, 2, 4)]
    store.commit(Batch(make_record(1, opened.epoch, entries, EMPTY_HASH), [], [], [], LowWater()))
    store.close()
    done = run("verify", "--journal", tmp_path / "journal.db")
    assert done.code == Exit.DATA
    assert "position 3: agent/shop/olena goes on with 4 where 3 is due" in done.err


def test_a_file_that_is_no_journal_is_told_apart_from_none(run: Run, tmp_path: Path) -> None:
    (tmp_path / "noise").write_bytes(b"noise" * 1000)
    assert run("verify", "--journal", tmp_path / "noise").code == Exit.DATA
    assert run("verify", "--journal", tmp_path / "none").code == Exit.UNAVAILABLE


def test_a_journal_of_a_newer_version_is_not_read(run: Run, journal: Path) -> None:
    damage(journal, "PRAGMA user_version = 999")
    done = run("tail", "--journal", journal)
    assert (done.code, "has schema 999" in done.err) == (Exit.DATA, True)


def test_tail_shows_what_happened_and_not_what_was_said(run: Run, journal: Path) -> None:
    out = run("tail", "--journal", journal).out
    assert [line.split()[3] for line in out.splitlines()] == [
        "started", "customer_wrote", "queued", "agent_wrote", "desk_applied", "ended",
    ]  # fmt: skip
    assert out.startswith("1 2027-01-15T08:00:01.000Z shop/conversation/c1#1 started channel=")
    assert [word for word in ("card", "help", "Ганна", HASH) if word in out] == []


def test_tail_begins_where_it_is_told(run: Run, journal: Path) -> None:
    out = run("tail", "--journal", journal, "--after", "4").out
    assert [line.split()[0] for line in out.splitlines()] == ["5", "6"]


def test_bodies_are_shown_on_request_and_cannot_steer_the_terminal(run: Run, journal: Path) -> None:
    out = run("tail", "--journal", journal, "--bodies").out
    assert "I will help" in out
    assert "Ганна" in out
    assert "\x1b" not in out
    assert HASH not in out


def test_a_transcript_reads_like_the_conversation(run: Run, journal: Path) -> None:
    done = run("transcript", STREAM, "--journal", journal)
    assert done.code == 0
    heading, *lines = done.out.splitlines()
    assert heading == "conversation c1 of shop"
    assert [line.partition("  ")[2] for line in lines] == [
        "-- u1 has come through web, for sales",
        "u1: my card \\x1b[2J is lost",
        "-- waits in sales (new)",
        "olena: I will help",
        "-- ended by agent (solved)",
    ]


def test_a_conversation_that_never_was_is_not_found(run: Run, journal: Path) -> None:
    done = run("transcript", "c2", "--journal", journal)
    assert (done.code, 'no conversation "c2"' in done.err) == (Exit.USAGE, True)
