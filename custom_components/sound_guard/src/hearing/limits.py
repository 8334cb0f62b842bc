"""What a server takes upon itself: how much at once, how often, and for how long."""

from collections import OrderedDict
from dataclasses import dataclass

_MOST_CLIENTS = 1024
"""Clients that are remembered; who has been quiet for longest is forgotten first."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The numbers, with defaults for a house with a dozen microphones."""

    in_flight: int = 16
    """Clips that arrive, wait or are looked at, all together; one at a time is looked at."""

    rate_per_s: float = 10.0
    """Requests of one client a second."""

    at_once: float = 60.0
    """Requests of one client at once after a rest."""

    body_s: float = 5.0
    """A clip that takes longer to arrive is refused; so is a TLS greeting."""

    look_s: float = 10.0
    """A clip that has had no look after this long gets none."""

    idle_s: float = 20.0
    """A connection without a whole request for this long is closed. aiohttp's clients keep theirs for 15 s."""

    linger_s: float = 2.0
    """What a refused client goes on sending is thrown away for this long, so that it comes to reading why."""

    stop_s: float = 3.0
    """Time for the answers under way when the server is stopped."""


@dataclass(slots=True)
class _Allowance:
    """What a client may still ask at once, and when that was so."""

    requests: float
    counted_s: float


class RateLimit:
    """Counts what every client asks. Not threadsafe; has no clock of its own."""

    def __init__(self, rate_per_s: float, at_once: float) -> None:
        """Begin with every client rested."""
        self._rate_per_s = rate_per_s
        self._at_once = at_once
        self._clients: OrderedDict[str, _Allowance] = OrderedDict()

    def wait_s(self, client: str, now_s: float) -> float:
        """Count a request. Return 0 if it may be answered, else in how many seconds the next one may."""
        allowance = self._clients.setdefault(client, _Allowance(self._at_once, now_s))
        self._clients.move_to_end(client)
        if len(self._clients) > _MOST_CLIENTS:
            self._clients.popitem(last=False)
        earned = (now_s - allowance.counted_s) * self._rate_per_s
        allowance.requests = min(self._at_once, allowance.requests + earned)
        allowance.counted_s = now_s
        if allowance.requests < 1:
            return (1 - allowance.requests) / self._rate_per_s
        allowance.requests -= 1
        return 0.0
