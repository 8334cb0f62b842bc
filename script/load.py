"""Whether a second-look server loses an answer or grows when many clients ask at once, on loopback: script/load."""

import argparse
import asyncio
import json
import multiprocessing
import os
import statistics
import sys
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TextIO

import aiohttp

from hearing.access_token import AccessToken
from hearing.bench import make_sound
from hearing.features import Block
from hearing.limits import Limits
from hearing.rcrnn import Rcrnn
from hearing.rcrnn_card import RcrnnCard
from hearing.server import VerifierServer
from hearing.verifier import Region, Verifier, VerifierError
from hearing.wire import CLIP_TYPE, VERIFY_PATH, Answer, ModelInfo, encode_clip

TOKEN = AccessToken("load-on-loopback-only")
MOST_GROWTH_MB = 20.0
WARM_UP = 0.1
"""Share of the requests after which memory is expected to stay as it is."""

UNLIMITED = 1e9


class Paced:
    """Takes a fixed time for every look, and answers with something that only this clip can have given."""

    def __init__(self, look_s: float) -> None:
        """Remember the time."""
        self._look_s = look_s

    def verify(self, samples: Block) -> tuple[Region, ...]:
        """Return one region, its confidence made of the clip's first sample."""
        time.sleep(self._look_s)
        return (Region("smoke_alarm", 0.0, 1.0, confidence_of(samples)),)


def confidence_of(samples: Block) -> float:
    """Return what Paced answers."""
    return abs(int(samples[0])) / 32_768


def serve(parent: Connection, look_s: float, card_path: Path | None, in_flight: int) -> None:
    """Run a server until the parent says so. Belongs into a process of its own."""
    verifier: Verifier
    if card_path is None:
        verifier, model = Paced(look_s), ModelInfo("paced", "1", "0" * 64)
    else:
        card = RcrnnCard.load(card_path)
        # LiteRT greets on the terminal.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        verifier, model = Rcrnn(card), ModelInfo(card.name, card.version, card.sha256)
    limits = Limits(in_flight=in_flight, rate_per_s=UNLIMITED, at_once=UNLIMITED, look_s=60)

    async def answer(log: TextIO) -> None:
        server = VerifierServer(verifier, model, TOKEN, lambda line: print(json.dumps(line), file=log), limits)
        parent.send(await server.start("127.0.0.1", 0))
        await asyncio.get_running_loop().run_in_executor(None, parent.recv)
        await server.stop()

    with Path(os.devnull).open("w", encoding="utf-8") as nowhere:
        asyncio.run(answer(nowhere))


@dataclass
class Tally:
    """What came of the requests so far."""

    statuses: Counter[int] = field(default_factory=Counter)
    lost: Counter[str] = field(default_factory=Counter)
    """Requests without an answer, or with one to another question, by what was wrong."""

    answered_ms: list[float] = field(default_factory=list)
    memory_mb: list[float] = field(default_factory=list)
    """The server's, after the warm-up first."""

    @property
    def growth_mb(self) -> float:
        """How much more memory the server has ever held than after the warm-up."""
        return max(self.memory_mb) - self.memory_mb[0]

    def figures(self) -> Mapping[str, object]:
        """Return everything that is told."""
        cuts = statistics.quantiles(self.answered_ms, n=20) if len(self.answered_ms) > 1 else [0.0] * 19
        return {
            "requests": self.statuses.total() + self.lost.total(),
            "statuses": {str(status): count for status, count in sorted(self.statuses.items())},
            "lost": dict(self.lost),
            "p50_ms": round(cuts[9], 1),
            "p95_ms": round(cuts[18], 1),
            "memory_after_warm_up_mb": round(self.memory_mb[0], 1),
            "memory_at_the_end_mb": round(self.memory_mb[-1], 1),
            "memory_growth_mb": round(self.growth_mb, 1),
        }


async def ask_all(port: int, pid: int, requests: int, clients: int, seconds: float, *, paced: bool) -> Tally:
    """Ask `requests` times, `clients` at once, for at most so many seconds."""
    tally = Tally()
    url = f"http://127.0.0.1:{port}{VERIFY_PATH}"
    headers = {"Authorization": f"Bearer {TOKEN.secret}", "Content-Type": CLIP_TYPE}
    waiting = iter(range(requests))
    sound = make_sound()

    async def client(session: aiohttp.ClientSession) -> None:
        for number in waiting:
            if number == round(WARM_UP * requests):
                tally.memory_mb.append(memory_mb(pid))
            clip = sound.copy()
            clip[0] = number % 32_768
            started_s = time.perf_counter()
            try:
                async with session.post(url, data=encode_clip(clip), headers=headers) as response:
                    body = await response.read()
                if response.status == 200:
                    regions = Answer.from_json(body).regions
                    if paced and [region.confidence for region in regions] != [confidence_of(clip)]:
                        raise VerifierError("the answer belongs to another clip")
                tally.statuses[response.status] += 1
                tally.answered_ms.append(1000 * (time.perf_counter() - started_s))
            except (aiohttp.ClientError, TimeoutError, VerifierError) as error:
                tally.lost[f"{type(error).__name__}: {error}"] += 1
            if number % 100 == 0 and tally.memory_mb:
                tally.memory_mb.append(memory_mb(pid))

    timeout = aiohttp.ClientTimeout(60)
    async with aiohttp.ClientSession(timeout=timeout, connector=aiohttp.TCPConnector(limit=clients)) as session:
        _, unfinished = await asyncio.wait(
            [asyncio.create_task(client(session)) for _ in range(clients)], timeout=seconds
        )
        for task in unfinished:
            task.cancel()
    if missing := requests - tally.statuses.total() - tally.lost.total():
        tally.lost[f"not answered within {seconds:.0f} s"] += missing
    tally.memory_mb.append(memory_mb(pid))
    return tally


def memory_mb(pid: int) -> float:
    """Return the memory that a process holds now, in MB."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
    return next(float(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS:")) * 1.024 / 1000


def main() -> int:
    """Run server and clients, print a table or one JSON object; 1 if an answer was lost or the server has grown."""
    parser = argparse.ArgumentParser(prog="script/load", description=__doc__)
    parser.add_argument("--requests", type=int, default=10_000, help="in all (default: 10000)")
    parser.add_argument("--clients", type=int, default=16, help="at once (default: 16)")
    parser.add_argument("--seconds", type=float, default=600.0, help="give up after this long (default: 600)")
    parser.add_argument("--look-ms", type=float, default=2.0, help="time of a made-up look (default: 2)")
    parser.add_argument("--in-flight", type=int, default=16, help="clips that may wait in the server (default: 16)")
    parser.add_argument("--model", type=Path, metavar="CARD.json", help="look with this R-CRNN instead")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    arguments = parser.parse_args()
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    asked = (there, arguments.look_ms / 1000, arguments.model, arguments.in_flight)
    server = context.Process(target=serve, args=asked, daemon=True)
    server.start()
    there.close()
    try:
        port = here.recv()
    except EOFError:
        print("script/load: the server did not start.", file=sys.stderr)
        return 1
    started_s = time.perf_counter()
    seconds, paced = arguments.seconds, arguments.model is None
    asking = ask_all(port, server.pid or 0, arguments.requests, arguments.clients, seconds, paced=paced)
    tally = asyncio.run(asking)
    here.send("stop")
    server.join(20)
    figures = {**tally.figures(), "clients": arguments.clients, "seconds": round(time.perf_counter() - started_s, 1)}
    if arguments.json:
        print(json.dumps(figures))
    else:
        for name, value in figures.items():
            print(f"{name.replace('_', ' '):25} {value}")
    return 1 if tally.lost or tally.growth_mb > MOST_GROWTH_MB or server.exitcode else 0


if __name__ == "__main__":
    sys.exit(main())
