"""How values are written into Redis by Django's cache: as JSON.

Django's own way is pickle, by which whoever can write to Redis could run code here.
"""

import json
from typing import Any


class Json:
    """Turn values into JSON and back; a whole number stays one that Redis can count up."""

    def dumps(self, value: Any) -> bytes:
        """Return what is stored."""
        return json.dumps(value).encode()

    def loads(self, stored: bytes) -> Any:
        """Return what was stored."""
        return json.loads(stored)
