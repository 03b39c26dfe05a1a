import base64
import json

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import VerificationError
from securesystemslib.signer import SSlibKey  # type: ignore[attr-defined]  # exported without `__all__`

from audits.errors import BundleInvalid, StatementMalformed
from audits.statements import Signer, digest_of, open_envelope, sign, statement_of

SIGNER = Signer(name="lethe.example/certificates", seed=bytes(range(32)))
STRANGER = Signer(name="stranger.example", seed=bytes(32))
STATEMENT = statement_of(
    subjects={"request/1": "00" * 32},
    predicate_type="https://lethe.example/erasure/v1",
    predicate={"outcomes": {"erased": 2}, "name": "Zoë"},
)
KEYS = {SIGNER.key_id: SIGNER.public_key}


def foreign_key(signer: Signer) -> SSlibKey:
    return SSlibKey(signer.key_id, "ed25519", "ed25519", {"public": signer.public_key.hex()})


def test_a_signed_statement_is_read_back():
    envelope = sign(STATEMENT, signer=SIGNER)

    assert open_envelope(envelope, public_keys=KEYS) == STATEMENT


def test_a_foreign_library_accepts_the_envelope_and_refuses_another_key():
    envelope = Envelope.from_dict(json.loads(json.dumps(sign(STATEMENT, signer=SIGNER))))

    accepted = envelope.verify([foreign_key(SIGNER)], 1)

    assert list(accepted) == [SIGNER.key_id]
    assert json.loads(envelope.payload) == STATEMENT
    with pytest.raises(VerificationError):
        envelope.verify([foreign_key(STRANGER)], 1)


def test_the_digest_is_that_of_the_signed_bytes_only():
    one, other = sign(STATEMENT, signer=SIGNER), sign(STATEMENT, signer=STRANGER)

    assert digest_of(one) == digest_of(other)
    assert digest_of(one) != digest_of(sign({**STATEMENT, "predicate": {}}, signer=SIGNER))


def test_an_envelope_of_a_stranger_is_refused():
    with pytest.raises(BundleInvalid, match="not signed by a known key"):
        open_envelope(sign(STATEMENT, signer=STRANGER), public_keys=KEYS)


def test_a_strangers_signature_beside_a_known_one_does_no_harm():
    envelope = sign(STATEMENT, signer=STRANGER)
    envelope["signatures"] += sign(STATEMENT, signer=SIGNER)["signatures"]  # type: ignore[operator]  # a list

    assert open_envelope(envelope, public_keys=KEYS) == STATEMENT


def test_a_key_id_of_another_key_is_refused():
    envelope = sign(STATEMENT, signer=SIGNER)
    envelope["signatures"][0]["keyid"] = STRANGER.key_id  # type: ignore[index]  # a list

    with pytest.raises(BundleInvalid, match="another key"):
        open_envelope(envelope, public_keys=KEYS)


@pytest.mark.parametrize(
    "change",
    [
        {"payloadType": "text/plain"},
        {"payload": None},
        {"payload": "!"},
        {"signatures": []},
        {"signatures": None},
        {"signatures": ["text"]},
        {"signatures": [{"sig": "AAAA"}]},
        {"signatures": [{"keyid": "1", "sig": "A"}]},
    ],
)
def test_a_malformed_envelope_is_refused(change):
    with pytest.raises(BundleInvalid):
        open_envelope({**sign(STATEMENT, signer=SIGNER), **change}, public_keys=KEYS)


def test_a_changed_payload_is_refused():
    envelope = sign(STATEMENT, signer=SIGNER)
    envelope["payload"] = base64.b64encode(b'{"_type":"another"}').decode()

    with pytest.raises(BundleInvalid, match="not signed"):
        open_envelope(envelope, public_keys=KEYS)


@pytest.mark.parametrize(
    "change",
    [{"_type": "1"}, {"subject": []}, {"subject": [{}]}, {"predicate": 1}, {"predicateType": 1}],
)
def test_only_a_statement_is_signed(change):
    with pytest.raises(StatementMalformed):
        sign({**STATEMENT, **change}, signer=SIGNER)


def test_a_private_key_is_not_shown():
    assert repr(SIGNER) == "Signer(name='lethe.example/certificates')"


def test_a_signed_payload_that_is_no_statement_is_refused():
    kind, payload = b"application/vnd.in-toto+json", b'{"_type":"another"}'
    authenticated = b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)
    private = Ed25519PrivateKey.from_private_bytes(SIGNER.seed)
    signature = base64.b64encode(private.sign(authenticated)).decode()
    envelope = {
        "payload": base64.b64encode(payload).decode(),
        "payloadType": kind.decode(),
        "signatures": [{"keyid": SIGNER.key_id, "sig": signature}],
    }

    with pytest.raises(BundleInvalid, match="not an in-toto Statement"):
        open_envelope(envelope, public_keys=KEYS)
