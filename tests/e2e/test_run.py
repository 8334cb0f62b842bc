"""The command `script/run --selftest`, as a person starts it."""

import json
import shutil
import subprocess
from pathlib import Path

from live.home import CHECKOUT, INTEGRATION

LIMIT_S = 240


def test_the_self_test_passes_and_tells_what_happened(self_test: subprocess.Popen[str]) -> None:
    timeline, words = self_test.communicate(timeout=LIMIT_S)
    assert self_test.returncode == 0, words
    story = [(step["entity"].partition(".")[0], step["from"], step["to"]) for step in json.loads(timeline)]
    panel = [(before, after) for domain, before, after in story if domain == "alarm_control_panel"]
    assert panel[-4:] == [
        ("triggered", "disarmed"),
        ("disarmed", "arming"),
        ("arming", "armed_away"),
        ("armed_away", "triggered"),
    ]
    assert story.count(("binary_sensor", "off", "on")) >= 2


def test_the_self_test_names_a_damaged_model_and_what_is_wrong_with_it(tmp_path: Path) -> None:
    integration = tmp_path / "sound_guard"
    shutil.copytree(INTEGRATION, integration, ignore=shutil.ignore_patterns("__pycache__"))
    model = integration / "models" / "attention.tflite"
    content = bytearray(model.read_bytes())
    content[len(content) // 2] ^= 0xFF
    model.write_bytes(content)

    command = [str(CHECKOUT / "script" / "run"), "--selftest", "--integration", str(integration)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S, check=False)
    assert ended.returncode == 1
    assert f"{model}: is damaged" in ended.stderr
    assert "SHA-256" in ended.stderr
    assert "Traceback" not in ended.stderr
