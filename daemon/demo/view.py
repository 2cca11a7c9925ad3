"""The live view: a scene and a moment in, something rich can draw out. No clock, no output."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from rich.console import Group, RenderableType
from rich.layout import Layout
from rich.panel import Panel
from rich.text import Text

from daemon.demo.scene import Happening, Line, Scene, Stage, Talk
from daemon.demo.script import AGENT, CUSTOMER

WIDTH_MIN, HEIGHT_MIN = 80, 24
#: From this size on there is more room in the columns on the left, and for the ticker.
WIDE, TALL = 110, 34
STYLES = {"+": "cyan", "?": "yellow", "!": "red", "=": "green", "-": "dim", "x": "red"}
STYLES |= {"*": "magenta", "~": "blue"}
PRESENCE_STYLES = {"online": "green", "away": "yellow", "busy": "yellow", "not_answering": "red"}
PRESENCES = {"not_answering": "no answer"}
DOTS = 8


class Size(NamedTuple):
    """Columns and rows."""

    width: int
    height: int


def fits(size: Size) -> bool:
    """Say whether the view has room."""
    return size.width >= WIDTH_MIN and size.height >= HEIGHT_MIN


def too_small(size: Size) -> str:
    """Say what is missing."""
    return (
        f"the live view needs {WIDTH_MIN} columns and {HEIGHT_MIN} rows, "
        f"this terminal has {size.width} and {size.height}"
    )


def view(
    scene: Scene, departments: Mapping[str, str], now: float, began: float, size: Size
) -> RenderableType:
    """Draw everything for a terminal of this size."""
    if not fits(size):
        return _one_line(too_small(size))
    ticker_rows = 9 if size.height >= TALL else 6
    body_rows = size.height - ticker_rows - 1
    left, middle = (28, 32) if size.width >= WIDE else (22, 22)
    right = size.width - left - middle
    # Where there is little room an agent is called by the id.
    names = scene.names if size.width >= WIDE else {agent: agent for agent in scene.names}
    layout = Layout()
    layout.split_column(
        Layout(_heading(scene, now - began), size=1),
        Layout(name="body", size=body_rows),
        Layout(_ticker(scene, began, ticker_rows), size=ticker_rows),
    )
    agents_rows = len(scene.names) + 2
    layout["body"].split_row(
        Layout(_queues(scene, departments, now, left), size=left),
        Layout(name="middle", size=middle),
        Layout(_talks(scene, names, Size(right, body_rows))),
    )
    layout["middle"].split_column(
        Layout(_offers(scene, names, now), size=body_rows - agents_rows),
        Layout(_agents(scene, names), size=agents_rows),
    )
    return layout


def happening_text(one: Happening, began: float) -> Text:
    """Draw a line of the ticker."""
    text = _one_line(f"{max(0.0, one.at - began):6.1f} s  ", "dim")
    text.append(f"{one.mark} ", STYLES.get(one.mark, ""))
    return text.append(one.text)


def _heading(scene: Scene, elapsed_s: float) -> Text:
    counts = {stage: len(scene.at_stage(stage)) for stage in Stage}
    text = _one_line(" Switchboard demo ", "bold reverse")
    text.append(f" {elapsed_s:4.0f} s   ")
    for stage, style in ((Stage.WAITING, "cyan"), (Stage.OFFERED, "yellow"), (Stage.TALKING, "green")):
        text.append(f"{counts[stage]} {stage.value}   ", style)
    return text.append(f"{counts[Stage.ENDED]} ended")


def _queues(scene: Scene, departments: Mapping[str, str], now: float, width: int) -> Panel:
    waiting = scene.at_stage(Stage.WAITING)
    lines: list[Text] = []
    for ident, name in departments.items():
        queue = [talk for talk in waiting if talk.department == ident]
        lines.append(_one_line(name, "bold cyan" if queue else "bold"))
        lines += [_waiting(talk, now, width - 4) for talk in queue] or [_one_line("  nobody waits", "dim")]
        lines.append(Text())
    return Panel(Group(*lines), title="Queues", border_style="cyan")


def _waiting(talk: Talk, now: float, width: int) -> Text:
    since = f" {max(0.0, now - talk.since):3.0f} s"
    name = _one_line(f"  {talk.dialogue.name}")
    name.truncate(width - len(since), overflow="ellipsis", pad=True)
    return name.append(since, "cyan")


def _offers(scene: Scene, names: Mapping[str, str], now: float) -> Panel:
    lines: list[Text] = []
    for talk in scene.at_stage(Stage.OFFERED):
        left_s = max(0.0, talk.deadline_at - now)
        dots = min(DOTS, round(left_s))
        lines.append(_one_line(talk.dialogue.name, "yellow"))
        lines.append(_one_line(f"  to {names[talk.agent]}"))
        lines.append(
            _one_line(f"  {left_s:2.0f} s ").append("▪" * dots, "yellow").append("·" * (DOTS - dots))
        )
    return Panel(Group(*lines or [_one_line("no open offers", "dim")]), title="Offers", border_style="yellow")


def _agents(scene: Scene, names: Mapping[str, str]) -> Panel:
    lines = []
    for agent, name in names.items():
        presence = scene.presence[agent]
        load = scene.load_of(agent)
        line = _one_line("● " if presence != "offline" else "○ ", PRESENCE_STYLES.get(presence, "dim"))
        line.append(name)
        line.append(
            f"  {load} open" if presence == "online" else f"  {PRESENCES.get(presence, presence)}", "dim"
        )
        lines.append(line)
    return Panel(Group(*lines), title="Agents", border_style="magenta")


def _talks(scene: Scene, names: Mapping[str, str], size: Size) -> Panel:
    """Draw the conversations; the fewer there are, the more of each."""
    talks = scene.at_stage(Stage.TALKING)
    rows = size.height - 2
    each = max(1, min(5, rows // max(1, len(talks))))
    lines: list[Text] = []
    for talk in talks[: rows // each]:
        lines += _talk(names[talk.agent], talk, each)
    if not lines:
        lines = [_one_line("nobody talks", "dim")]
    return Panel(Group(*lines), title="Conversations", border_style="green")


def _talk(agent: str, talk: Talk, rows: int) -> list[Text]:
    heading = _one_line(talk.dialogue.name, "bold")
    heading.append(f" with {agent}", "green")
    heading.append(f"  {talk.dialogue.about}", "dim")
    said = talk.said[-(rows - 1) :] if rows > 1 else []
    return [heading, *(_said(line) for line in said)]


def _said(line: Line) -> Text:
    mark, style = ("> ", "cyan") if line.side == CUSTOMER else ("< ", "green")
    return _one_line(f"  {mark}", style).append(line.text, "")


def _ticker(scene: Scene, began: float, rows: int) -> Panel:
    shown = scene.happenings[-(rows - 3) :]
    lines = [happening_text(one, began) for one in shown]
    lines += [Text()] * (rows - 3 - len(lines))
    return Panel(Group(*lines, _counters(scene)), title="What happens", border_style="blue")


def _counters(scene: Scene) -> Text:
    counts = [len(scene.sent[CUSTOMER]), len(scene.reached[CUSTOMER])]
    counts += [len(scene.sent[AGENT]), len(scene.reached[AGENT])]
    text = "customers wrote {}, agents got {}   agents wrote {}, customers got {}"
    return _one_line(text.format(*counts), "bold")


def _one_line(text: str, style: str = "") -> Text:
    # The style is a span of its own: what is appended must not inherit it.
    return Text(no_wrap=True, overflow="ellipsis").append(text, style)
