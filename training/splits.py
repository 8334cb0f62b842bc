"""Which group is for training, for validation and for the test: stratified, so that no kind of sound is left out."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import Literal

Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = ("train", "validation", "test")

SMALLEST_STRATUM = 5
"""Kinds with fewer groups are split together with the other small kinds of their class."""

NEVER_VALIDATION = ("rir",)
"""Classes too small for three parts: thresholds can be chosen in simulated rooms."""


def assign(rows: Iterable[tuple[str, str, str]], seed: int, shares: tuple[float, float]) -> dict[str, Split]:
    """Return the split of every group from rows of (class, subtype, group).

    Within each kind of sound the groups are put in the order of a hash of seed and name; the first go to the test, the
    next to validation. `shares` are those of validation and test. The same rows and seed give the same splits.
    """
    splits: dict[str, Split] = {}
    for (kind, _), groups in _strata(rows).items():
        groups.sort(key=lambda group: hashlib.sha256(f"{seed}:{group}".encode()).digest())
        # A stratum of two is for training and the test, one of three has all.
        test = max(round(shares[1] * len(groups)), int(len(groups) > 1))
        validation = max(round(shares[0] * len(groups)), int(len(groups) > 2)) if kind not in NEVER_VALIDATION else 0
        for position, group in enumerate(groups):
            splits[group] = "test" if position < test else "validation" if position < test + validation else "train"
    return splits


def _strata(rows: Iterable[tuple[str, str, str]]) -> Mapping[tuple[str, str], list[str]]:
    """Return the groups of every stratum (class, kind); a group is in one only, by what it holds most of."""
    kinds: dict[str, Counter[tuple[str, str]]] = defaultdict(Counter)
    for kind, subtype, group in rows:
        kinds[group][kind, subtype] += 1
    main = {group: held.most_common(1)[0][0] for group, held in kinds.items()}
    sizes = Counter(main.values())
    strata: dict[tuple[str, str], list[str]] = defaultdict(list)
    for group, (kind, subtype) in main.items():
        strata[kind, subtype if sizes[kind, subtype] >= SMALLEST_STRATUM else "other"].append(group)
    return strata
