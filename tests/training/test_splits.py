"""Who trains and who is tested: decided per group, evenly over the kinds of sound, by a seed."""

from collections import Counter

from training.splits import SPLITS, assign

SHARES = (0.15, 0.2)


def rows(kinds: dict[tuple[str, str], int]) -> list[tuple[str, str, str]]:
    """Return two recordings of every group, so many groups of each kind."""
    return [
        (kind, subtype, f"{kind} {subtype} {number}")
        for (kind, subtype), groups in kinds.items()
        for number in range(groups)
        for _ in range(2)
    ]


MANY = rows({("negative", "tv"): 100, ("glass_break", "pane"): 20, ("smoke_alarm", "T3"): 7, ("negative", "cat"): 3})


def test_a_seed_gives_the_same_splits_and_another_seed_others() -> None:
    assert assign(MANY, 1, SHARES) == assign(MANY, 1, SHARES)
    assert assign(MANY, 1, SHARES) == assign(list(reversed(MANY)), 1, SHARES)
    assert assign(MANY, 1, SHARES) != assign(MANY, 2, SHARES)


def test_every_kind_of_sound_has_its_share_in_every_split() -> None:
    splits = assign(MANY, 1, SHARES)
    for kind, expected in {
        "negative tv": (65, 15, 20),
        "glass_break pane": (13, 3, 4),
        "smoke_alarm T3": (5, 1, 1),
        "negative cat": (1, 1, 1),
    }.items():
        counts = Counter(split for group, split in splits.items() if group.startswith(kind))
        assert tuple(counts[split] for split in SPLITS) == expected, kind


def test_two_groups_are_for_training_and_the_test_one_is_for_training() -> None:
    assert sorted(assign(rows({("co_alarm", "T4"): 2}), 1, SHARES).values()) == ["test", "train"]
    assert list(assign(rows({("co_alarm", "T4"): 1}), 1, SHARES).values()) == ["train"]


def test_small_kinds_of_a_class_are_split_together() -> None:
    splits = assign(rows({("negative", f"kind {number}"): 1 for number in range(20)}), 1, SHARES)
    assert Counter(splits.values()) == {"train": 13, "validation": 3, "test": 4}


def test_rooms_are_in_training_and_test_only() -> None:
    splits = assign(rows({("rir", "flat"): 10}), 1, SHARES)
    assert Counter(splits.values()) == {"train": 8, "test": 2}


def test_a_group_of_several_kinds_is_in_one_split() -> None:
    mixed = [("negative", "tv", "home"), ("negative", "cat", "home"), ("smoke_alarm", "T3", "home")]
    assert set(assign([*MANY, *mixed], 1, SHARES)) == {group for _, _, group in (*MANY, *mixed)}
