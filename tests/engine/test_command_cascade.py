"""The command's second model: who is asked, when there is none, and when it was made for another first model."""

import threading
from dataclasses import replace
from pathlib import Path

import pytest

from hearing.__main__ import main
from hearing.card import ATTENTION_CARD, ModelCard, Sensitivity
from hearing.rcrnn_card import RcrnnCard
from hearing.second_look import LIMIT_S, OFFLINE_LIMIT_S, SecondLook
from tests.engine.fake_listener import FakeListener
from tests.engine.fake_verifier import FakeVerifier
from tests.sounds import tone, write_wav
from tests.stream_server import Reply, StreamServer

ATTENTION = ModelCard.load(ATTENTION_CARD)
LEVELS = {Sensitivity.LOW: 0.8, Sensitivity.BALANCED: 0.5, Sensitivity.HIGH: 0.3}


class Asked:
    """What the last listener was made with."""

    second_look: SecondLook | None = None
    wait: bool | None = None


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> type[Asked]:
    """No model is loaded; nothing is installed."""

    class Made(Asked):
        pass

    def new_listener(card: ModelCard, *, second_look: SecondLook | None, wait: bool, **_: object) -> FakeListener:
        Made.second_look, Made.wait = second_look, wait
        return FakeListener()

    monkeypatch.setattr("hearing.__main__.Listener", new_listener)
    monkeypatch.setattr("hearing.__main__.Rcrnn", lambda *_, **__: FakeVerifier())
    monkeypatch.setattr("hearing.__main__.RCRNN_CARD", Path("/nowhere/rcrnn.json"))
    return Made


@pytest.fixture
def sound(tmp_path: Path) -> str:
    return str(write_wav(tmp_path / "a.wav", tone(0.5)))


def install(path: Path, attention_sha256: str = ATTENTION.sha256) -> Path:
    """Write a card of a second model."""
    card = RcrnnCard(
        path=path,
        name="second",
        version="1",
        model="second.tflite",
        labels=ATTENTION.labels,
        attention_sha256=attention_sha256,
        suspicion=dict.fromkeys(ATTENTION.labels, 0.2),
        thresholds=dict.fromkeys(ATTENTION.labels, LEVELS),
        weight=0.5,
        content=b"nobody reads this",
    )
    card.save()
    return path


@pytest.fixture
def installed(asked: type[Asked], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> type[Asked]:
    """A second model is installed that was made for the first one."""
    monkeypatch.setattr("hearing.__main__.RCRNN_CARD", install(tmp_path / "rcrnn.json"))
    return asked


@pytest.mark.parametrize(("option", "checked"), [([], True), (["--cascade"], True), (["--no-cascade"], False)])
def test_an_installed_second_model_is_asked_unless_it_must_not(
    installed: type[Asked], sound: str, option: list[str], checked: bool
) -> None:
    assert main(["scan", *option, sound]) == 0
    assert (installed.second_look is not None) is checked


def test_recordings_wait_for_every_answer(installed: type[Asked], sound: str) -> None:
    main(["scan", sound])
    assert installed.wait is True
    assert installed.second_look is not None
    assert installed.second_look.limit_s == OFFLINE_LIMIT_S


def test_a_microphone_waits_for_none(
    installed: type[Asked], server: StreamServer, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    server.replies["/live"] = Reply(write_wav(tmp_path / "b.wav", tone(8)).read_bytes())
    assert main(["listen", "--source", server.url("/live"), "--seconds", "1"]) == 0
    assert installed.wait is False
    assert installed.second_look is not None
    assert installed.second_look.limit_s == LIMIT_S


def test_nothing_is_left_running(installed: type[Asked], sound: str) -> None:
    main(["scan", sound])
    assert installed.second_look is not None
    assert installed.second_look.submit(tone(0.1)).failed, "it was closed"
    assert not [thread for thread in threading.enumerate() if thread.name == "second look"]


def test_where_none_is_installed_the_first_model_decides(asked: type[Asked], sound: str) -> None:
    assert main(["scan", sound]) == 0
    assert asked.second_look is None


def test_to_ask_for_one_that_is_not_there_is_an_error(
    asked: type[Asked], sound: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["scan", "--cascade", sound]) == 1
    assert "/nowhere/rcrnn.json: cannot be read" in capfd.readouterr().err


def test_another_one_may_be_named(asked: type[Asked], tmp_path: Path, sound: str) -> None:
    card = install(tmp_path / "mine.json")
    assert main(["scan", "--verifier", str(card), sound]) == 0
    assert asked.second_look is not None
    assert main(["scan", "--no-cascade", "--verifier", str(card), sound]) == 0
    assert asked.second_look is None


def test_one_that_was_made_for_another_first_model_is_not_asked_by_itself(
    installed: type[Asked], tmp_path: Path, sound: str, capfd: pytest.CaptureFixture[str]
) -> None:
    other = replace(ATTENTION, path=tmp_path / "other.json", model="other.tflite", content=b"another model")
    other.save()
    assert main(["scan", "--model", str(other.path), sound]) == 0
    assert installed.second_look is None
    assert main(["scan", "--model", str(other.path), "--cascade", sound]) == 1
    assert "was made to check another model than" in capfd.readouterr().err


@pytest.mark.parametrize("command", ["scan", "listen"])
def test_the_help_says_what_it_does(command: str, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main([command, "--help"])
    text = " ".join(capfd.readouterr().out.split())
    assert "both decide together what is told" in text
    assert "--verifier CARD.json" in text
