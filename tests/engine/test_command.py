import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from hearing.__main__ import main
from hearing.card import ATTENTION_CARD
from tests.engine.fake_listener import FakeListener
from tests.sounds import tone, write_wav
from tests.stream_server import Reply, StreamServer
from tests.virtual_microphone import VirtualMicrophone

EVENT = np.concatenate((tone(1, amplitude=0), tone(0.5), tone(1, amplitude=0)))


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, object]]:
    """What listeners are asked for; they take any loud sound for a smoke alarm."""
    options: list[dict[str, object]] = []

    def new_listener(card: object, **asked: object) -> FakeListener:
        options.append(asked)
        return FakeListener()

    monkeypatch.setattr("hearing.__main__.Listener", new_listener)
    return options


@pytest.fixture
def running(server: StreamServer, tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """The command itself, listening to a stream that has begun."""
    server.replies["/live"] = Reply(write_wav(tmp_path / "a.wav", tone(8, amplitude=0.1)).read_bytes(), hangs=True)
    command = [sys.executable, "-m", "hearing", "listen", "--source", server.url("/live")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith(b"Listening to http://127.0.0.1:")
        yield process


@pytest.mark.usefixtures("asked")
class TestScan:
    def test_json_is_all_there_is_on_stdout(self, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
        path = write_wav(tmp_path / "a.wav", EVENT)
        assert main(["scan", "--json", "--scores", str(path)]) == 0
        out, err = capfd.readouterr()
        lines = [json.loads(line) for line in out.splitlines()]
        assert [line.get("label") for line in lines] == ["smoke_alarm", "glass_break", "smoke_alarm", None]
        assert lines[-1]["summary"] is True
        assert err == ""

    def test_without_json_it_is_a_table(self, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
        assert main(["scan", str(write_wav(tmp_path / "a.wav", EVENT))]) == 0
        assert "1 event heard." in capfd.readouterr().out

    def test_an_unreadable_file_gives_exit_code_2(self, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
        good = write_wav(tmp_path / "good.wav", EVENT)
        assert main(["scan", "--json", str(tmp_path / "missing.wav"), str(good)]) == 2
        out, err = capfd.readouterr()
        assert err == f"sound-guard: {tmp_path / 'missing.wav'}: there is no such file.\n"
        assert len(out.splitlines()) == 2

    def test_a_folder_without_sound_gives_exit_code_2(self, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
        assert main(["scan", str(tmp_path)]) == 2
        assert "no sound file is in it" in capfd.readouterr().err

    def test_without_ffmpeg_it_says_what_is_needed(
        self, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = tmp_path / "a.mp3"
        path.write_bytes(b"anything")
        monkeypatch.setenv("PATH", "/nowhere")
        assert main(["scan", str(path)]) == 2
        assert "ffmpeg is needed for this" in capfd.readouterr().err

    def test_a_name_that_is_no_text_can_be_shown(self, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
        path = write_wav(tmp_path / "a.wav", EVENT).rename(tmp_path / "\udcff.wav")
        assert main(["scan", str(path)]) == 0
        assert main(["scan", "--json", str(path)]) == 0
        out, _ = capfd.readouterr()
        assert json.loads(out.splitlines()[-2])["file"] == str(path)


def test_options_reach_the_listener(tmp_path: Path, asked: list[dict[str, object]]) -> None:
    path = write_wav(tmp_path / "a.wav", EVENT)
    main(["scan", "--no-cascade", "--sensitivity", "high", "--runtime", "numpy", str(path)])
    assert asked[-1] == {"sensitivity": "high", "runtime": "numpy", "second_look": None, "wait": True}


def test_a_model_that_cannot_be_used_is_named(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    card = json.loads(ATTENTION_CARD.read_text())
    (tmp_path / card["model"]).write_bytes(b"damaged")
    (tmp_path / "card.json").write_text(json.dumps(card))
    assert main(["scan", "--model", str(tmp_path / "card.json"), str(tmp_path)]) == 1
    assert f"{tmp_path / card['model']}: is damaged" in capfd.readouterr().err


def test_the_shipped_model_is_heard_and_measured(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = write_wav(tmp_path / "a.wav", EVENT)
    for runtime in ("auto", "numpy"):
        assert main(["scan", "--json", "--scores", "--runtime", runtime, str(path)]) == 0
        assert main(["bench", "--json", "--runtime", runtime, "--streams", "2", "--seconds", "3"]) == 0
        out, err = capfd.readouterr()
        *scores, summary, figures = [json.loads(line) for line in out.splitlines()]
        assert [line["label"] for line in scores if "max_score" in line] == ["glass_break", "smoke_alarm", "co_alarm"]
        assert summary["seconds"] == 2.5
        assert set(figures) >= {"cpu_ms_per_audio_s", "rss_mb", "model_kb", "realtime_factor"}
        assert figures["realtime_factor"] > 1
        assert err == "", "the runtime's own chatter stays away from the terminal"


@pytest.mark.usefixtures("asked")
def test_a_bench_for_people_is_readable(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "--seconds", "1"]) == 0
    assert "ms per second of sound (fake)" in capfd.readouterr().out


@pytest.mark.usefixtures("asked")
class TestListen:
    def test_a_stream_is_heard_for_the_given_time(
        self, server: StreamServer, tmp_path: Path, capfd: pytest.CaptureFixture[str]
    ) -> None:
        server.replies["/live"] = Reply(write_wav(tmp_path / "a.wav", np.tile(EVENT, 3)).read_bytes())
        assert main(["listen", "--source", server.url("/live"), "--seconds", "4"]) == 0
        out, err = capfd.readouterr()
        assert "smoke alarm (75% sure)" in out
        assert "Listened for 4.0 s" in out
        assert err == ""

    @pytest.mark.parametrize("source", ["kitchen", "alsa:hw:31", "http://127.0.0.1:1/x"])
    def test_what_cannot_be_heard_is_told_in_one_line(self, source: str, capfd: pytest.CaptureFixture[str]) -> None:
        assert main(["listen", "--source", source]) == 1
        out, err = capfd.readouterr()
        assert out == ""
        assert err.startswith("sound-guard: ")
        assert err.count("\n") == 1

    def test_the_default_microphone_is_heard(
        self, microphone: VirtualMicrophone, capfd: pytest.CaptureFixture[str]
    ) -> None:
        assert main(["listen", "--seconds", "0.3"]) == 0
        out, err = capfd.readouterr()
        assert "Listened for 0.3 s: nothing but digital silence" in out
        assert err == "", "the sound libraries' own chatter stays away from the terminal"


class TestDevices:
    def test_they_are_listed_one_a_line(self, microphone: VirtualMicrophone, capfd: pytest.CaptureFixture[str]) -> None:
        assert main(["devices"]) == 0
        out, err = capfd.readouterr()
        assert out.splitlines()[0].split(maxsplit=1) == ["default", "Default microphone"]
        assert err == ""
        assert main(["devices", "--json"]) == 0
        devices = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
        assert {"spec": "pulse:virtual_microphone", "name": "VirtualMicrophone"} in devices

    @pytest.mark.usefixtures("no_sound_server")
    def test_that_there_is_none_is_said(
        self, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("hearing.devices.list_sources", lambda *_, **__: [])
        monkeypatch.setattr("hearing.devices.list_inputs", list)
        assert main(["devices"]) == 0
        out, err = capfd.readouterr()
        assert (out, err) == ("default  Default microphone\n", "sound-guard: no microphone was found.\n")


@pytest.mark.parametrize(
    "arguments",
    [[], ["scan"], ["bench", "--seconds", "0"], ["listen", "--seconds", "soon"], ["bench", "--streams", "0"]],
)
def test_wrong_usage_is_explained(arguments: list[str], capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert "usage: sound-guard" in capfd.readouterr().err


def test_ctrl_c_ends_it_with_a_farewell_and_exit_code_130(running: subprocess.Popen[bytes]) -> None:
    running.send_signal(signal.SIGINT)
    out, err = running.communicate(timeout=10)
    assert running.returncode == 130
    assert b"Listened for" in out
    assert err == b""


def test_a_reader_that_goes_away_ends_it_quietly(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "a.wav", EVENT)
    command = [sys.executable, "-m", "hearing", "scan", "--json", str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(timeout=20) == 141
