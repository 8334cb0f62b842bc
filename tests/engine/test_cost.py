"""The command that measures what listening costs, on very little sound."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PEER = ROOT.parent / "shared" / "teacher" / "yamnet.tflite"


def measure(*options: str) -> str:
    arguments = [
        sys.executable,
        str(ROOT / "script" / "cost.py"),
        "--seconds",
        "1",
        "--rounds",
        "1",
        "--microphones",
        "2",
        *options,
    ]
    return subprocess.run(arguments, check=True, capture_output=True, text=True, timeout=120).stdout


def test_every_runtime_and_sound_is_measured_beside_a_plain_front_end() -> None:
    rows = [json.loads(line) for line in measure("--json", "--peer", "nowhere.tflite").splitlines()]
    assert [(row["listener"], row["runtime"], row["streams"], row["sound"]) for row in rows] == [
        ("log-mel only", "numpy", 1, "beeps"),
        ("Sound Guard", "litert", 2, "quiet"),
        ("Sound Guard", "litert", 2, "beeps"),
        ("Sound Guard", "numpy", 2, "quiet"),
        ("Sound Guard", "numpy", 2, "beeps"),
    ]
    assert all(row["cpu_ms_per_audio_s"] > 0 for row in rows)
    assert all(row["rss_mb"] > 5 for row in rows)


@pytest.mark.skipif(not PEER.is_file(), reason="there is no peer beside the checkout")
def test_a_peer_is_measured_in_the_same_run_at_both_of_its_hops() -> None:
    title, *rows = measure().splitlines()
    assert "of YAMNet" in title
    assert [row[:21].strip() for row in rows[1:3]] == ["YAMNet every 0.975 s", "YAMNet every 0.48 s"]
    ratios = [float(row[title.index("of YAMNet") :].split()[0]) for row in rows]
    assert ratios[1] == 1
    assert ratios[2] > 1.3
    assert all(ratio > 0 for ratio in ratios)
