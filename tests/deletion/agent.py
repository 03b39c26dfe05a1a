"""An authorised agent: it signs with a key of its own and speaks over HTTP."""

import json
from base64 import b64encode
from datetime import timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from rest_framework.test import APIClient

from deletion.actions import declare_agent
from deletion.models import Agent
from tests.cast import OFFICER
from tests.deletion.builders import right_now

BUSINESS = "HOSPITAL"
EXERCISE = "/drp/v1/data-rights-request"
MINUTE = timedelta(minutes=1)


class Signer:
    """An agent with a key and, once it has set one up, a token."""

    def __init__(self, code: str = "PERMISSION_SLIP") -> None:
        self.code = code
        self.key = Ed25519PrivateKey.generate()
        self.token = ""
        self.client = APIClient(raise_request_exception=False)

    @property
    def page(self) -> str:
        """Return the address of its token."""
        return f"/drp/v1/agent/{self.code}"

    def declare(self, **changes: str) -> Agent:
        """Have it declared."""
        said = {
            "name": "Permission Slip Inc.",
            "public_key": b64encode(self.key.public_key().public_bytes_raw()).decode(),
            "email_namespace": "email",
            "phone_namespace": "phone",
            "regime": "gdpr",
        }
        return declare_agent(agent=self.code, **(said | changes), actor=OFFICER, now=right_now())

    def said(self, **changes: Any) -> dict[str, Any]:
        """Return what every message says; a change to None leaves a key out."""
        now = right_now()
        said = {
            "agent-id": self.code,
            "business-id": BUSINESS,
            "issued-at": now.isoformat(),
            "expires-at": (now + 10 * MINUTE).isoformat(),
            "drp.version": "1.0",
        }
        named = {name.replace("__", "-"): value for name, value in changes.items()}
        return {name: value for name, value in (said | named).items() if value is not None}

    def sign(self, said: Any) -> bytes:
        """Return a message: of bytes as they are, of anything else as JSON."""
        signed = said if isinstance(said, bytes) else json.dumps(said).encode()
        return b64encode(self.key.sign(signed) + signed)

    def send(self, method: str, address: str, body: bytes = b"") -> Any:
        """Send a message with the token."""
        head = {"HTTP_AUTHORIZATION": f"Bearer {self.token}"} if self.token else {}
        text = body.decode("latin-1")
        return self.client.generic(method, address, text, "text/plain", **head)  # type: ignore[arg-type]  # the stubs know no headers as words

    def set_up(self) -> str:
        """Set a token up, and keep it."""
        answer = self.send("POST", self.page, self.sign(self.said()))
        assert answer.status_code == 200, answer.content
        self.token = answer.json()["token"]
        return self.token

    def demand(self, email: str, /, **changes: Any) -> dict[str, Any]:
        """Return what a demand for the deletion of a person says."""
        said = {"exercise": "deletion", "email": email, "email_verified": True}
        return self.said(**(said | changes))

    def ask(self, email: str, /, **changes: Any) -> Any:
        """Demand that a person is deleted."""
        return self.send("POST", EXERCISE, self.sign(self.demand(email, **changes)))
