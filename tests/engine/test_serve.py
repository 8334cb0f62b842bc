"""The second look as a command."""

import asyncio
import io
import json
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import aiohttp
import pytest

from hearing.__main__ import main
from hearing.limits import Limits
from hearing.serve import Door, ServeError, Service
from hearing.wire import Answer
from tests.engine.served import CLIP, HEADERS, MODEL, REGIONS, TOKEN, MadeUpVerifier

ROOT = Path(__file__).parents[2]

SERVE = """
import sys
from pathlib import Path
from hearing.limits import Limits
from hearing.serve import Door, Service
from tests.engine.served import MODEL, MadeUpVerifier
host, token, look_s, *files = sys.argv[1:]
door = Door(host, 0, Path(token), *map(Path, files))
Service(door, Limits(), sys.stdout, sys.stderr).run(MadeUpVerifier(float(look_s)), MODEL)
"""


class Terminal(io.StringIO):
    """A terminal at which somebody asks the server to stop as soon as it answers."""

    def __init__(self, *, watched: bool = True) -> None:
        super().__init__()
        self._watched = watched

    def isatty(self) -> bool:
        return self._watched

    def write(self, text: str) -> int:
        if "Ctrl-C stops" in text:
            os.kill(os.getpid(), signal.SIGINT)
        return super().write(text)


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    path = tmp_path / "token"
    path.write_text(TOKEN)
    path.chmod(0o600)
    return path


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for this machine and its key, made here."""
    folder = tmp_path_factory.mktemp("tls")
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    options = "-x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=sound"
    openssl("req", *options.split(), "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate)
    return certificate, key


def openssl(*arguments: str | Path) -> None:
    """Run OpenSSL's command."""
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)


def serve(door: Door, err: Terminal) -> str:
    """Serve until the first chance to stop; return what was said."""
    Service(door, Limits(), io.StringIO(), err).run(MadeUpVerifier(), MODEL)
    return err.getvalue()


@contextmanager
def serving(*arguments: object) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run a service in a process of its own; the second is its address."""
    command = [sys.executable, "-c", SERVE, *map(str, arguments)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        try:
            said = process.stderr.readline()
            while " looks at " not in said:
                assert said, "the server did not start"
                said = process.stderr.readline()
            yield process, re.findall(r"https?://\S+\d", said)[0]
        finally:
            process.kill()


async def ask(url: str, certificate: Path | None = None) -> bytes:
    """Return the body of an answer."""
    tls = ssl.create_default_context(cafile=certificate) if certificate else True
    async with (
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(20)) as session,
        session.post(f"{url}/v1/verify", data=CLIP, headers=HEADERS, ssl=tls) as response,
    ):
        assert response.status == 200
        return await response.read()


class TestToken:
    def test_a_new_one_is_shown_once_to_whoever_watches(self, tmp_path: Path) -> None:
        door = Door("127.0.0.1", 0, tmp_path / "state" / "token")
        said = serve(door, Terminal())
        secret = door.token_file.read_text().strip()
        assert f"your token, shown only this once: {secret}\n" in said
        assert f"kept in {door.token_file}" in said
        assert secret not in serve(door, Terminal())

    def test_it_is_not_written_into_the_log_of_a_service(self, tmp_path: Path) -> None:
        door = Door("127.0.0.1", 0, tmp_path / "token")
        said = serve(door, Terminal(watched=False))
        assert door.token_file.read_text().strip() not in said
        assert f"kept in {door.token_file}" in said

    def test_it_warns_if_others_may_read_it(self, token_file: Path) -> None:
        door = Door("127.0.0.1", 0, token_file)
        assert "chmod" not in serve(door, Terminal())
        token_file.chmod(0o640)
        assert f"chmod 600 {token_file}" in serve(door, Terminal())


class TestDoor:
    @pytest.mark.parametrize(
        ("hosts", "is_local"),
        [("127.0.0.1 127.3.2.1 ::1 localhost", True), ("0.0.0.0 :: 192.168.1.2 fd00::2 server.lan", False)],
    )
    def test_it_knows_what_only_this_machine_can_reach(self, hosts: str, *, is_local: bool) -> None:
        assert {Door(host, 1, Path("token")).is_local for host in hosts.split()} == {is_local}

    def test_beyond_this_machine_it_warns_about_what_can_be_overheard(self, token_file: Path) -> None:
        said = serve(Door("0.0.0.0", 0, token_file), Terminal())
        assert said.count("warning") == 1
        assert "others on your network can read the sound and the token" in said

    def test_with_a_certificate_there_is_nothing_to_warn_about(
        self, token_file: Path, certificate: tuple[Path, Path]
    ) -> None:
        said = serve(Door("0.0.0.0", 0, token_file, *certificate), Terminal())
        assert "looks at https://0.0.0.0:" in said
        assert "warning" not in said

    def test_on_this_machine_alone_it_says_how_to_let_others_in(self, token_file: Path) -> None:
        said = serve(Door("::1", 0, token_file), Terminal())
        assert re.search(r"made-up 1\.2\.3 looks at http://\[::1\]:\d+\. Ctrl-C stops\.", said)
        assert "--host 0.0.0.0 lets your network in" in said

    def test_an_address_that_is_taken_is_told(self, token_file: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            with pytest.raises(ServeError, match=rf"cannot listen at 127\.0\.0\.1, port {port} \(.*in use"):
                serve(Door("127.0.0.1", port, token_file), Terminal())

    @pytest.mark.parametrize("damage", ["missing", "not a certificate", "another key", "no key", "locked key"])
    def test_a_certificate_that_cannot_be_used_is_told(
        self, tmp_path: Path, token_file: Path, certificate: tuple[Path, Path], damage: str
    ) -> None:
        chain, key = certificate
        match damage:
            case "missing":
                chain = tmp_path / "nothing.pem"
            case "not a certificate":
                chain = token_file
            case "another key":
                key = tmp_path / "another.pem"
                openssl("genpkey", "-algorithm", "ED25519", "-out", key)
            case "locked key":
                key = tmp_path / "locked.pem"
                openssl("pkey", "-aes256", "-passout", "pass:secret", "-in", certificate[1], "-out", key)
        door = Door("127.0.0.1", 0, token_file, chain, None if damage == "no key" else key)
        with pytest.raises(ServeError, match="cannot be used for TLS"):
            serve(door, Terminal())

    def test_a_key_without_a_certificate_is_a_mistake(self, token_file: Path) -> None:
        with pytest.raises(ServeError, match="give its certificate"):
            serve(Door("127.0.0.1", 0, token_file, key=token_file), Terminal())


class TestService:
    def test_it_answers_and_its_log_is_one_json_object_a_line(self, token_file: Path) -> None:
        with serving("127.0.0.1", token_file, 0) as (process, url):
            assert Answer.from_json(asyncio.run(ask(url))) == Answer(MODEL, REGIONS)
            process.terminate()
            out, err = process.communicate(timeout=20)
            assert process.returncode == 0
        (line,) = (json.loads(line) for line in out.splitlines())
        assert (line["status"], line["bytes"], line["regions"][0]["label"]) == (200, len(CLIP), "smoke_alarm")
        assert err.endswith("sound-guard: stopped.\n")
        assert TOKEN not in out + err

    def test_with_a_certificate_it_is_encrypted(self, token_file: Path, certificate: tuple[Path, Path]) -> None:
        with serving("127.0.0.1", token_file, 0, *certificate) as (process, url):
            assert url.startswith("https://127.0.0.1:")
            assert Answer.from_json(asyncio.run(ask(url, certificate[0]))) == Answer(MODEL, REGIONS)
            with pytest.raises(aiohttp.ClientError):
                asyncio.run(ask(url.replace("https", "http")))
            with pytest.raises(aiohttp.ClientSSLError):
                asyncio.run(ask(url))
            process.send_signal(signal.SIGINT)
            assert "Traceback" not in process.communicate(timeout=20)[1]
            assert process.returncode == 0

    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
    def test_asked_to_stop_it_gives_the_answer_under_way(self, token_file: Path, number: int) -> None:
        async def story() -> bytes:
            asked = asyncio.create_task(ask(url))
            await asyncio.sleep(0.8)
            process.send_signal(number)
            return await asked

        with serving("127.0.0.1", token_file, 1.5) as (process, url):
            assert Answer.from_json(asyncio.run(story())).regions == REGIONS
            assert process.wait(20) == 0

    def test_nobody_reading_its_log_does_not_stop_it(self, token_file: Path) -> None:
        with serving("127.0.0.1", token_file, 0) as (process, url):
            assert process.stdout is not None
            process.stdout.close()
            for _ in range(3):
                assert asyncio.run(ask(url))


class TestCommand:
    @pytest.fixture
    def card(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A card and a model that are always there."""

        class Card:
            name, version, sha256 = MODEL.name, MODEL.version, MODEL.sha256

        monkeypatch.setattr("hearing.__main__.RcrnnCard.load", lambda path: Card())
        monkeypatch.setattr("hearing.__main__.Rcrnn", lambda card, runtime: MadeUpVerifier())

    @pytest.mark.usefixtures("card")
    def test_it_serves_with_what_was_asked_for(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        err = Terminal()
        monkeypatch.setattr("sys.stderr", err)
        path = tmp_path / "t"
        monkeypatch.setattr("hearing.__main__._quiet_libraries", contextmanager(lambda: iter([None])))
        assert main(["serve", "--port", "0", "--token-file", str(path), "--rate", "5", "--in-flight", "4"]) == 0
        assert "made-up 1.2.3 looks at http://127.0.0.1:" in err.getvalue()
        assert path.exists()

    @pytest.mark.usefixtures("card")
    def test_without_aiohttp_it_says_what_to_install(
        self, token_file: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.delitem(sys.modules, "hearing.server", raising=False)
        monkeypatch.setitem(sys.modules, "aiohttp", None)
        assert main(["serve", "--token-file", str(token_file)]) == 1
        assert capfd.readouterr().err == (
            "sound-guard: aiohttp is missing, which `serve` needs. Install it with: pip install 'sound-guard[serve]'\n"
        )

    @pytest.mark.usefixtures("card")
    def test_what_cannot_be_used_is_one_line(self, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
        (tmp_path / "token").write_text("short")
        assert main(["serve", "--token-file", str(tmp_path / "token")]) == 1
        assert main(["serve", "--token-file", str(tmp_path / "other"), "--certificate", str(tmp_path / "none")]) == 1
        lines = capfd.readouterr().err.splitlines()
        assert len(lines) == 2
        assert all(line.startswith("sound-guard: ") for line in lines)

    def test_without_the_model_it_says_so(self, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
        assert main(["serve", "--model", str(tmp_path / "rcrnn.json")]) == 1
        assert "rcrnn.json: cannot be read" in capfd.readouterr().err

    @pytest.mark.parametrize("options", [["--port", "65536"], ["--port", "x"], ["--in-flight", "0"], ["--rate", "0"]])
    def test_a_wrong_number_is_a_wrong_usage(self, options: list[str], capfd: pytest.CaptureFixture[str]) -> None:
        with pytest.raises(SystemExit) as stopped:
            main(["serve", *options])
        assert stopped.value.code == 2
        assert options[0] in capfd.readouterr().err
