"""The masking benchmark: what counts as found, and what it says of the differences."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.masking.__main__ import compared, main
from benchmarks.masking.phones import CODES, measure


def entry(text: str, *spans: tuple[str, str]) -> dict[str, object]:
    found = [(kind, text.index(value), len(value)) for kind, value in spans]
    return {
        "full_text": text,
        "spans": [
            {"entity_type": kind, "start_position": start, "end_position": start + length}
            for kind, start, length in found
        ],
    }


TEXTS = [
    entry("card 4111111111111111", ("CREDIT_CARD", "4111111111111111")),
    entry("card 4111111111111112", ("CREDIT_CARD", "4111111111111112")),
    entry("it is +447966197542", ("GPE", "it")),
    entry("ann@x.com", ("EMAIL_ADDRESS", "ann@x.com")),
]


def test_recall_precision_and_the_shapes_of_what_differs_are_told() -> None:
    found = compared(TEXTS)
    assert found["recall"] == {"CREDIT_CARD": 0.5, "EMAIL_ADDRESS": 1.0}
    assert found["precision"] == {"CREDIT_CARD": 1.0, "EMAIL_ADDRESS": 1.0, "PHONE_NUMBER": 0.0}
    assert found["missed"] == {"CREDIT_CARD": {"9" * 16: 1}}
    assert found["wrong"] == {"PHONE_NUMBER": {"+" + "9" * 12: 1}}


def test_too_little_found_is_an_exit_code(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "texts.json"
    path.write_text(json.dumps(TEXTS))
    assert main(["--data", str(path), "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert (told["met"], told["examples_exact"]) == (False, True)
    path.write_text(json.dumps(TEXTS[:1]))
    assert main(["--data", str(path)]) == 0
    assert "CREDIT_CARD  recall 1.0000" in capsys.readouterr().out


def test_every_region_s_number_is_found_with_its_country_code(tmp_path: Path) -> None:
    path = tmp_path / "phones.json"
    path.write_text(json.dumps(dict.fromkeys(CODES, "612345678")))
    assert len(CODES) == 245
    found = measure(path)
    assert {form: found["recall"][form] for form in found["recall"] if form.startswith("international")} == {
        "international": 1.0,
        "international_grouped": 1.0,
        "international_brackets": 1.0,
        "international_00": 1.0,
    }
    assert found["recall"]["national_said"] == 1.0
