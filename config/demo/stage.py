"""What the demo has built so far, where it says so, and how it asks the service."""

import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console

from config.demo.client import Client
from config.demo.patients import Patients

FAMILY = "breast-cancer"
NAMESPACE = "patient_id"
CHAMPION = "diagnosis"
SHIELDED_MODEL = "diagnosis-anonymised"
POLICY = "demo-policy"
SHARDS = 8
HOLD_OUT_PERMILLE = 200
VISITS = "clinic_visits"
PATIENCE_SECONDS = 90.0


@dataclass
class Stage:
    """The demo's surroundings; each step is a function that takes it."""

    console: Console
    folder: Path
    address: str
    password: str = field(default_factory=lambda: secrets.token_urlsafe(9))
    steps: int = 0

    patients: Patients = field(init=False)
    intake: Client = field(init=False)
    officer: Client = field(init=False)
    leavers: list[str] = field(default_factory=list)  # identifiers as the files write them
    shards_hit: set[int] = field(default_factory=set)
    others: list[tuple[object, ...]] = field(default_factory=list)  # everybody else's rows
    asked: list[str] = field(default_factory=list)  # the three requests
    stranger: str = ""  # the request of somebody who exists nowhere
    requests: list[dict[str, Any]] = field(default_factory=list)

    def done(self, title: str, *details: str) -> None:
        """Print one finished step."""
        self.steps += 1
        head, *rest = details
        self.console.print(f"[bold green]{self.steps:>2} ✓[/] [bold]{title:<24}[/] {head}")
        for line in rest:
            self.console.print(f"{'':<30}{line}")
