"""The last word, after all that the house has been through: its event loop was never held up by Sound Guard."""

import re

from tests.e2e.house import House

HANDED_OVER = re.compile(r"_chain_future.* took 0\.(0\d*|1\d*|2[0-4]\d*) seconds")
"""A step that ends by handing work to a thread: until that thread runs, the step waits, which a busy machine draws out.
Beyond a quarter of a second that is no excuse any more; what works on the loop itself has none at all."""


async def test_the_event_loop_was_never_stopped_by_us(house: House) -> None:
    # See strict_home_assistant; blocking calls and calls from a wrong thread are reported by Home Assistant itself.
    complaints = re.compile(r"Executing .* took|holds the event loop|blocking call|Detected that|non-thread-safe")
    reports = [line for line in house.home.log().splitlines() if complaints.search(line)]
    assert reports  # Home Assistant's own start is slow enough to show that there are any
    ours = [line for line in reports if "custom_components/sound_guard" in line]
    assert [line for line in ours if not HANDED_OVER.search(line)] == []
