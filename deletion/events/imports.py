"""Facts about many demands in one upload."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportStarted:
    """Somebody sends many demands at once."""

    import_id: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LinesTaken:
    """Lines of an upload were answered; each request that was opened is recorded for itself."""

    import_id: str
    up_to_line: int
    accepted: int
    known: int
    refused: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportEnded:
    """An upload was read to its end, or it broke off for the reason given."""

    import_id: str
    accepted: int
    known: int
    refused: int
    broken_because: str
