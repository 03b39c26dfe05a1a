"""What .env.example documents is what the tests try."""

from hashlib import sha256

from config.keys import KEYS
from scripts.settings_page import EXAMPLE, Documented, settings_in


def example_settings() -> list[Documented]:
    """Return the settings of .env.example."""
    return [*settings_in(EXAMPLE.read_text())]


def production_environment() -> dict[str, str]:
    """Return what .env.example documents, with made-up secrets instead of files."""
    secrets = {name: sha256(name.encode()).hexdigest() for name in (*KEYS, "SECRET_KEY")}
    documented = {setting.name: setting.value for setting in example_settings()}
    return {**documented, **secrets}
