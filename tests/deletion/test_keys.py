import hmac
import secrets
from hashlib import sha256
from uuid import UUID

import pytest
from cryptography.exceptions import InvalidTag

from deletion.keys import commitment, idempotency_tag, new_key, unwrap
from lineage.identifiers import Digest
from tests.cast import ALICE, BOB

KEK = bytes(range(32))
FIRST = UUID(int=1)
SECOND = UUID(int=2)
DIGEST = Digest(sha256(ALICE.encode()).digest())


@pytest.fixture
def key():
    return new_key(FIRST, entropy=secrets.token_bytes)


def test_a_wrapped_key_comes_back_and_shows_nothing(key):
    wrapped = key.wrap(key_encryption_key=KEK, entropy=secrets.token_bytes)

    assert unwrap(wrapped, request_id=FIRST, key_encryption_key=KEK) == key
    assert key.secret not in wrapped
    assert key.secret.hex() not in repr(key)


def test_a_wrapped_key_cannot_be_moved_to_another_request(key):
    wrapped = key.wrap(key_encryption_key=KEK, entropy=secrets.token_bytes)

    with pytest.raises(InvalidTag):
        unwrap(wrapped, request_id=SECOND, key_encryption_key=KEK)


def test_a_wrapped_key_needs_the_key_encryption_key(key):
    wrapped = key.wrap(key_encryption_key=KEK, entropy=secrets.token_bytes)

    with pytest.raises(InvalidTag):
        unwrap(wrapped, request_id=FIRST, key_encryption_key=bytes(32))


def test_a_sealed_digest_comes_back_and_is_different_each_time(key):
    sealed = [key.seal(DIGEST, namespace="email", entropy=secrets.token_bytes) for _ in range(2)]

    assert [key.unseal(one, namespace="email") for one in sealed] == [DIGEST, DIGEST]
    assert sealed[0] != sealed[1]
    assert DIGEST not in sealed[0]


def test_a_sealed_digest_belongs_to_its_namespace_and_its_request(key):
    sealed = key.seal(DIGEST, namespace="email", entropy=secrets.token_bytes)

    with pytest.raises(InvalidTag):
        key.unseal(sealed, namespace="user_id")
    with pytest.raises(InvalidTag):
        new_key(SECOND, entropy=secrets.token_bytes).unseal(sealed, namespace="email")


def test_a_changed_byte_is_noticed(key):
    sealed = bytearray(key.seal(DIGEST, namespace="email", entropy=secrets.token_bytes))

    for place in range(len(sealed)):
        sealed[place] ^= 1
        with pytest.raises(InvalidTag):
            key.unseal(bytes(sealed), namespace="email")
        sealed[place] ^= 1


def test_a_commitment_is_the_documented_hmac(key):
    said = commitment(key.commitment_key, "email", DIGEST)

    assert said == hmac.new(key.commitment_key, b"email\x00" + DIGEST, "sha256").hexdigest()


def test_the_commitment_key_opens_nothing_but_commitments(key):
    sealed = key.seal(DIGEST, namespace="email", entropy=secrets.token_bytes)
    other = unwrap(
        new_key(FIRST, entropy=lambda length: key.commitment_key[:length]).wrap(
            key_encryption_key=KEK, entropy=secrets.token_bytes
        ),
        request_id=FIRST,
        key_encryption_key=KEK,
    )

    with pytest.raises(InvalidTag):
        other.unseal(sealed, namespace="email")


def test_tags_are_equal_for_equal_demands_under_one_key_only(key):
    assert key.tag(b"demand") == key.tag(b"demand")
    assert key.tag(b"demand") != key.tag(b"demand!")
    assert key.tag(b"demand") != new_key(SECOND, entropy=secrets.token_bytes).tag(b"demand")


def test_what_is_kept_of_an_idempotency_key_does_not_show_it():
    tag = idempotency_tag(f"delete {ALICE}", caller="user:7", key_encryption_key=KEK)

    assert tag == idempotency_tag(f"delete {ALICE}", caller="user:7", key_encryption_key=KEK)
    assert tag != idempotency_tag(f"delete {BOB}", caller="user:7", key_encryption_key=KEK)
    assert tag != idempotency_tag(f"delete {ALICE}", caller="user:8", key_encryption_key=KEK)
    assert ALICE not in tag
