"""What is told about a request to the second look: never its sound, never its token."""

from dataclasses import dataclass
from datetime import UTC, datetime

from .verifier import Region


@dataclass(slots=True)
class RequestRecord:
    """One line of the log, filled in while the request is answered."""

    address: str | None
    path: str | None
    """None for one that there is not: who knows what people put there."""

    sent_bytes: int = 0
    """Length of the body as far as it was wanted."""

    status: int | None = None
    """None if the client went away before it was answered."""

    error: str | None = None
    """Short code of the refusal."""

    failure: str | None = None
    """What went wrong within the server, for its owner."""

    regions: tuple[Region, ...] | None = None

    def to_dict(self, ms: float) -> dict[str, object]:
        """Return what there is to tell, after so many milliseconds."""
        told: dict[str, object] = {
            "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "address": self.address,
            "path": self.path,
            "status": self.status,
            "ms": round(ms, 1),
            "bytes": self.sent_bytes,
        }
        if self.regions is not None:
            told["regions"] = [
                {"label": region.label, "confidence": round(region.confidence, 4)} for region in self.regions
            ]
        return told | {name: text for name in ("error", "failure") if (text := getattr(self, name)) is not None}
