from hashlib import sha256

import pytest

from deletion.intake import (
    HashedIdentifier,
    RawIdentifier,
    SaidIdentifier,
    body_of,
    claims_of,
)
from lineage.errors import IdentifierMalformed
from lineage.identifiers import IdentifierKind
from tests.cast import ALICE, BOB

KINDS = {"email": IdentifierKind.EMAIL, "user": IdentifierKind.TEXT}
HASH = sha256(b"alice@example.org").hexdigest()


def raw(value: str, namespace: str = "email") -> RawIdentifier:
    return RawIdentifier(namespace=namespace, value=value)


def hashed(digest: str, namespace: str = "email") -> HashedIdentifier:
    return HashedIdentifier(namespace=namespace, sha256=digest)


def test_a_raw_and_a_hashed_identifier_of_one_person_are_the_same_claim():
    (from_raw,) = claims_of([raw(" Alice@Example.ORG ")], kinds=KINDS)
    (from_hash,) = claims_of([hashed(HASH.upper())], kinds=KINDS)

    assert from_raw == from_hash
    assert from_raw.digest.hex() == HASH


def test_what_is_said_twice_counts_once_and_order_does_not_matter():
    said: list[SaidIdentifier] = [raw("alice@example.org"), hashed(HASH), raw(ALICE, "user")]

    assert claims_of(said, kinds=KINDS) == claims_of(said[::-1], kinds=KINDS)
    assert len(claims_of(said, kinds=KINDS)) == 2


@pytest.mark.parametrize(
    "said",
    [[], [raw("nobody")], [raw("   ")], [hashed("ab" * 31)], [hashed("zz" * 32)], [hashed("")]],
)
def test_what_cannot_be_an_identifier_is_refused_without_repeating_it(said):
    with pytest.raises(IdentifierMalformed) as refusal:
        claims_of(said, kinds=KINDS)

    assert "nobody" not in str(refusal.value)
    assert "zz" not in str(refusal.value)


def test_identifiers_do_not_show_in_logs():
    (claim,) = claims_of([raw(ALICE, "user")], kinds=KINDS)

    shown = repr([raw(ALICE, "user"), hashed(HASH), claim])
    assert ALICE not in shown
    assert HASH not in shown
    assert repr(claim.digest) not in shown


def test_a_body_is_equal_exactly_for_equal_demands():
    alice = claims_of([raw(ALICE, "user")], kinds=KINDS)
    bob = claims_of([raw(BOB, "user")], kinds=KINDS)

    body = body_of(regime="gdpr", verification="log-in", claims=alice)
    assert body == body_of(regime="gdpr", verification="log-in", claims=alice)
    assert body != body_of(regime="ccpa", verification="log-in", claims=alice)
    assert body != body_of(regime="gdpr", verification="other", claims=alice)
    assert body != body_of(regime="gdpr", verification="log-in", claims=bob)
