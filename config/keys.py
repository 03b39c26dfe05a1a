"""The secrets of an installation: what each protects, and how fresh ones are made."""

import secrets
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

from config.environment import KEY_BYTES

KEYS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "PSEUDONYM_KEY": "turns identifiers into pseudonyms",
        "SUPPRESSION_KEY": "recognises forgotten people if their data comes back",
        "SHARD_KEY": "decides which shard a person's records train",
        "REQUEST_KEY_ENCRYPTION_KEY": "wraps the key that each request has of its own",
        "TRAIL_SIGNING_KEY": "signs the trail's checkpoints (an Ed25519 seed)",
        "MODEL_SIGNING_KEY": "signs model releases (an Ed25519 seed)",
        "WEBHOOK_SIGNING_KEY": "signs the messages to recipients (an Ed25519 seed)",
    }
)
SESSIONS: Final = "SECRET_KEY"  # Django's own


class KeyExists(Exception):
    """A key of that name is there already; a lost key cannot be made again."""


def generate(folder: Path) -> dict[str, Path]:
    """Write a fresh file for every secret, readable by its owner only."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    files = {name: folder / name.lower() for name in (*KEYS, SESSIONS)}
    if any(path.exists() for path in files.values()):
        raise KeyExists(str(folder))
    for path in files.values():
        path.touch(mode=0o600, exist_ok=False)
        path.write_text(secrets.token_hex(KEY_BYTES) + "\n")
    return files
