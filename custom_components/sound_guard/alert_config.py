"""What the owner decided about alerts: who is told of which sound when, and whether that is repeated."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from .const import CONF_ALERTS, CONF_NOTIFY, CONF_PERSISTENT, CONF_REPEAT, CONF_WARN
from .src.hearing.guard import TRIGGERS, Mode


@dataclass(frozen=True, slots=True)
class AlertConfig:
    """What the owner decided."""

    recipients: tuple[str, ...] = ()
    """Notify entities, and actions of Home Assistant's app."""

    modes: Mapping[str, frozenset[Mode]] = field(default_factory=lambda: TRIGGERS)
    """Per label, the modes in which it is worth an alert."""

    repeat_min: int = 0
    """Minutes until the alert is repeated, again and again; 0: it is not."""

    persistent: bool = True
    """Whether Home Assistant itself shows the alert."""

    warn: bool = True
    """Whether the recipients are told that the guard is armed and not every microphone listens."""

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> Self:
        """Return the part about alerts of the entry's options."""
        chosen = options.get(CONF_ALERTS, {})
        return cls(
            recipients=tuple(options.get(CONF_NOTIFY, ())),
            modes={label: frozenset(map(Mode, chosen.get(label, usual))) for label, usual in TRIGGERS.items()},
            repeat_min=options.get(CONF_REPEAT, 0),
            persistent=options.get(CONF_PERSISTENT, True),
            warn=options.get(CONF_WARN, True),
        )
