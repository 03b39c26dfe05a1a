"""What people must look at."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenAlert:
    """Something that nobody has answered yet."""

    id: int
    kind: str
    about: str
    detail: Mapping[str, object]
    raised_at: datetime
