"""Where the figures go: the page, the pictures, the README's table; and what the page says is what the scan says."""

import json
from pathlib import Path

import pytest

from hearing.__main__ import main as sound_guard
from training import documents, plots
from training.documents import BEGIN, END, MarkersMissingError, between_markers
from training.evaluate import BUNDLED, DOCUMENTS
from training.report import page


def test_only_what_stands_between_the_markers_is_replaced() -> None:
    text = f"before\n{BEGIN}\nold\n{END}\nafter\n"
    assert between_markers(text, "new\n", "README.md") == f"before\n{BEGIN}\nnew\n{END}\nafter\n"
    assert between_markers(between_markers(text, "new", "x"), "new", "x") == between_markers(text, "new", "x")


@pytest.mark.parametrize("text", ["", f"{END}{BEGIN}", f"{BEGIN}", f"{BEGIN}{END}{BEGIN}{END}"])
def test_a_document_without_a_place_for_the_table_is_refused(text: str) -> None:
    with pytest.raises(MarkersMissingError, match=r"README\.md: needs the lines"):
        between_markers(text, "new", "README.md")


def test_a_picture_is_the_same_file_each_time_and_holds_no_date(tmp_path: Path) -> None:
    for name in ("a.svg", "b.svg"):
        recalls = {"clean": [1.0, 0.9, 0.5], "room": [0.9, 0.7, 0.1]}
        plots.curve(tmp_path / name, "glass_break", [300, 20, 0], recalls, {"balanced": (20, 0.9)}, 14.0)
    first = (tmp_path / "a.svg").read_bytes()
    assert first == (tmp_path / "b.svg").read_bytes()
    assert b"dc:date" not in first
    assert b">clean<" in first  # text stays text
    assert len(first) < 40_000


def test_the_page_in_the_repository_is_made_of_the_figures_beside_it() -> None:
    results = json.loads((DOCUMENTS / "evaluation.json").read_text(encoding="utf-8"))
    studies, second = (
        json.loads((DOCUMENTS / f"{name}.json").read_text(encoding="utf-8")) for name in ("studies", "second-look")
    )
    assert (DOCUMENTS / "evaluation.md").read_text(encoding="utf-8") == page(results, studies, second)
    readme = (DOCUMENTS.parent / "README.md").read_text(encoding="utf-8")
    assert documents.headline(results, second) in readme


def test_a_scan_of_the_bundled_recordings_gives_what_the_page_says(capsys: pytest.CaptureFixture[str]) -> None:
    assert sound_guard(["scan", str(BUNDLED), "--json"]) in (None, 0)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    scanned = [line for line in lines if "label" in line]
    said = json.loads((DOCUMENTS / "second-look.json").read_text(encoding="utf-8"))["bundled"]
    assert [(Path(row["file"]).name, row["label"]) for row in scanned] == [(row["file"], row["label"]) for row in said]
    for found, row in zip(scanned, said, strict=True):
        assert found["onset_s"] == pytest.approx(row["onset_s"], abs=0.2)
        assert found["offset_s"] == pytest.approx(row["offset_s"], abs=0.2)
        assert found["confidence"] == pytest.approx(row["confidence"], abs=0.02)
