"""docs/routing.md prints every reason that the dispatcher can give, with its sentence."""

from pathlib import Path

from actors.dispatcher.reasons import SENTENCES, Reason

PAGE = Path(__file__).resolve().parents[2] / "docs" / "routing.md"
MARKER = "<!-- reasons -->\n"


def table() -> str:
    """Return the table as the page has it."""
    rows = [f"| `{reason.value}` | {SENTENCES[reason]} |" for reason in Reason]
    return "\n".join(["| code | meaning |", "|---|---|", *rows, ""])


def test_every_reason_has_one_sentence() -> None:
    assert list(SENTENCES) == list(Reason)
    assert all(sentence.endswith(".") and sentence.count(". ") == 0 for sentence in SENTENCES.values())


def test_the_page_on_routing_has_the_table_of_reasons() -> None:
    _, found, rest = PAGE.read_text(encoding="utf-8").partition(MARKER)
    assert found, f"{PAGE.name} has lost the marker {MARKER.strip()}"
    assert rest.strip() == table().strip(), f"put this after the marker:\n{table()}"
