"""The command that lets many clients ask a server of second looks, with few requests."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

LOAD = Path(__file__).parents[2] / "script" / "load.py"


def load(*options: str) -> tuple[int, dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, str(LOAD), "--json", *options], check=False, capture_output=True, text=True, timeout=120
    )
    return done.returncode, json.loads(done.stdout)


def test_every_request_of_every_client_is_answered() -> None:
    code, figures = load("--requests", "60", "--clients", "16")
    assert code == 0
    assert (figures["requests"], figures["statuses"], figures["lost"]) == (60, {"200": 60}, {})
    assert 0 < figures["p50_ms"] <= figures["p95_ms"]
    assert figures["memory_after_warm_up_mb"] > 5


def test_a_busy_server_says_so_which_is_an_answer() -> None:
    code, figures = load("--requests", "30", "--clients", "8", "--in-flight", "1", "--look-ms", "100")
    assert code == 0
    assert set(figures["statuses"]) == {"200", "503"}


def test_what_is_not_answered_in_time_is_lost() -> None:
    code, figures = load("--requests", "100", "--clients", "2", "--look-ms", "500", "--seconds", "0.6")
    assert code == 1
    assert sum(figures["lost"].values()) > 90
