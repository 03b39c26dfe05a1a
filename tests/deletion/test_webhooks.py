"""The messages of Standard Webhooks: signed so that others can verify them, and naming nobody."""

import json
from base64 import b64decode, b64encode
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from uuid import UUID, uuid4

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import given
from hypothesis.strategies import binary, integers
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from deletion import webhooks
from deletion.webhooks import Hashed, Notice
from lineage.identifiers import Digest
from tests.cast import MONDAY
from training.calling import signing

KEY = bytes(range(32))
SOON = MONDAY + timedelta(days=30)


def body():
    return webhooks.erasure_body(
        Notice(
            request_id=UUID(int=7),
            regime="gdpr",
            erased_at=MONDAY,
            due_at=SOON,
            identifiers=[Hashed(called="email", digest=Digest(sha256(b"a@b.example").digest()))],
        )
    )


def headers(content, *, at=None, recipient="hospital", key=KEY, message="msg_1"):
    return signing.headers_of(
        content,
        message=message,
        at=at or datetime.now(UTC),  # noqa: TID251  # the foreign verifier reads the clock
        signing_key=key,
        recipient=recipient,
    )


def signatures(said):
    return dict(each.split(",") for each in said["webhook-signature"].split(" "))


def test_the_body_says_what_to_do_and_names_the_person_by_digests_only():
    assert json.loads(body()) == {
        "type": "person.erased",
        "timestamp": "2026-01-05T00:00:00Z",
        "data": {
            "request": str(UUID(int=7)),
            "do": "erase",
            "regime": "gdpr",
            "due_at": SOON.isoformat().replace("+00:00", "Z"),
            "identifiers": [
                {
                    "type": "email",
                    "format": "sha256",
                    "value": sha256(b"a@b.example").hexdigest(),
                }
            ],
        },
    }
    assert b"a@b.example" not in body()


def test_the_library_of_standard_webhooks_verifies_a_message():
    secret = signing.shown_secret("hospital", signing_key=KEY)
    said = headers(body())

    assert Webhook(secret).verify(body(), said)["type"] == "person.erased"
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(body() + b" ", said)
    with pytest.raises(WebhookVerificationError):
        Webhook(signing.shown_secret("clinic", signing_key=KEY)).verify(body(), said)


def test_the_scheme_of_v1_is_that_of_the_published_example():
    """The example of the specification's reference libraries."""
    published = Webhook("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    at = datetime.fromtimestamp(1614265330, tz=UTC)

    signed = published.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", at, '{"test": 2432232314}')

    assert signed == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@given(binary(max_size=200), integers(min_value=0, max_value=2**33))
def test_the_published_key_verifies_every_message_and_no_changed_one(content, seconds):
    at = datetime.fromtimestamp(seconds, tz=UTC)
    said = headers(content, at=at)
    shown = signing.public_key(KEY)
    public = Ed25519PublicKey.from_public_bytes(b64decode(shown.removeprefix("whpk_")))
    signature = b64decode(signatures(said)["v1a"])

    assert said["webhook-timestamp"] == str(seconds)
    public.verify(signature, f"msg_1.{seconds}.".encode() + content)
    for changed in (
        f"msg_2.{seconds}.".encode() + content,
        f"msg_1.{seconds + 1}.".encode() + content,
        f"msg_1.{seconds}.".encode() + content + b"x",
    ):
        with pytest.raises(InvalidSignature):
            public.verify(signature, changed)


def test_the_id_of_a_message_is_that_of_its_telling_and_has_no_full_stop():
    telling = uuid4()

    assert webhooks.message_id(telling) == webhooks.message_id(telling)
    assert "." not in webhooks.message_id(telling)
    assert webhooks.message_id(uuid4()) != webhooks.message_id(telling)


def test_each_recipient_has_a_secret_of_its_own_as_long_as_the_specification_asks():
    one = b64decode(signing.shown_secret("a", signing_key=KEY).removeprefix("whsec_"))
    other = b64decode(signing.shown_secret("b", signing_key=KEY).removeprefix("whsec_"))

    assert 24 <= len(one) <= 64
    assert len({one, other, KEY}) == 3
    assert b64encode(KEY).decode() not in signing.public_key(KEY)


def test_a_test_message_names_nobody():
    assert json.loads(webhooks.trial_body(at=MONDAY)) == {
        "type": "lethe.test",
        "timestamp": "2026-01-05T00:00:00Z",
        "data": {"do": "nothing"},
    }
