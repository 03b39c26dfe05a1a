"""What verifies a callback, what it may say, and what it adds: decided without a database."""

import json
from base64 import b64encode
from datetime import timedelta
from hashlib import sha256
from itertools import permutations
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, PSS, PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis.strategies import binary, lists, sampled_from, text

from deletion.callbacks import is_signed, key_in, require_key_of
from deletion.errors import CallbackUnreadable, RecipientInvalid
from deletion.opendsr import call_in
from deletion.telling import Answer, Hearing, heard
from tests.deletion.builders import right_now
from tests.deletion.processor_keys import signer

BODY = b'{"request_status": "completed"}'
ADDRESS = "/api/v1/recipients/7/callbacks"
NUMBER = "a7551968-d5d6-44b2-9831-815ac9017798"


def pem_of(private):
    public = private.public_key()
    return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def said(**changes):
    return json.dumps({"subject_request_id": NUMBER, "request_status": "completed", **changes})


def call(body):
    return call_in(body.encode(), address=ADDRESS, domain="processor.example")


def test_a_certificate_and_its_bare_key_verify_the_same_signature_and_no_changed_body():
    one = signer()
    signature = one.sign(BODY)

    for pem in (one.certificate, one.public):
        key = key_in(pem)
        assert is_signed(BODY, signature, key=key)
        assert is_signed(BODY, "\n ".join([signature[:76], signature[76:]]), key=key)
        assert not is_signed(BODY + b" ", signature, key=key)
        assert not is_signed(BODY, signer("two").sign(BODY), key=key)
    assert key_in(one.certificate).digest == key_in(one.public).digest


def test_both_paddings_of_rsa_and_ecdsa_are_taken():
    one = signer()
    padded = one.sign(BODY, padding=PSS(mgf=MGF1(SHA256()), salt_length=32))
    assert is_signed(BODY, padded, key=key_in(one.public))

    curve = signer(key=ec.generate_private_key(ec.SECP256R1()))
    assert is_signed(BODY, curve.sign(BODY), key=key_in(curve.certificate))
    assert not is_signed(BODY + b" ", curve.sign(BODY), key=key_in(curve.certificate))


def test_a_signature_over_another_digest_is_none():
    one = signer()
    old = one.private.sign(BODY, PKCS1v15(), SHA1())  # noqa: S303  # what must not pass

    assert not is_signed(BODY, b64encode(old).decode(), key=key_in(one.public))


@given(text(max_size=40))
def test_what_is_no_signature_is_refused_and_not_raised(written):
    assert not is_signed(BODY, written, key=key_in(signer().public))


def test_other_keys_are_refused():
    weak = rsa.generate_private_key(public_exponent=65537, key_size=1024)  # noqa: S505  # refused
    for pem in (
        pem_of(weak),
        pem_of(ed25519.Ed25519PrivateKey.generate()),
        "no key",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----",
        "ü",
        "x" * 20_000,
    ):
        with pytest.raises(RecipientInvalid):
            key_in(pem)


@pytest.mark.parametrize(
    ("name", "host", "is_good"),
    [
        ("processor.example", "Processor.Example", True),
        ("*.processor.example", "dsr.processor.example", True),
        ("*.processor.example", "processor.example", False),
        ("*.processor.example", "a.b.processor.example", False),
        ("*.example", "example", False),
        ("other.example", "processor.example", False),
    ],
)
def test_a_certificate_is_for_the_host_that_it_names(name, host, is_good):
    key = key_in(signer(host=name).certificate)

    if is_good:
        require_key_of(host, key, now=right_now())
    else:
        with pytest.raises(RecipientInvalid, match="not issued"):
            require_key_of(host, key, now=right_now())


def test_a_certificate_has_its_time_and_a_bare_key_has_none():
    one = signer()
    for moment in (right_now() - timedelta(days=2), right_now() + timedelta(days=31)):
        with pytest.raises(RecipientInvalid, match="not valid now"):
            require_key_of("localhost", key_in(one.certificate), now=moment)
        require_key_of("anywhere", key_in(one.public), now=moment)


def test_a_callback_is_read_with_its_documents_and_the_digest_of_its_bytes():
    document = {"name": "certificate-of-destruction", "sha256": "ab" * 32}
    wrong = [{"name": "Ann Smith", "sha256": "ab" * 32}, {"name": "x", "sha256": "ab"}, 7, {}]
    body = said(
        status_callback_url=f"https://lethe.example{ADDRESS}",
        expected_completion_time="2026-12-24T00:00:00Z",
        results_url="https://processor.example/secret",
        extensions={
            "processor.example": {"evidence": [*wrong, document]},
            "other.example": {"evidence": [{"name": "x", "sha256": "cd" * 32}]},
        },
    )

    read = call(body)

    assert read.telling_id == UUID(NUMBER)
    assert read.digest == sha256(body.encode()).hexdigest()
    assert read.status.answer is Answer.COMPLETED
    assert read.status.documents == (("certificate-of-destruction", "ab" * 32),)
    assert "secret" not in repr(read)


def test_no_more_than_eight_documents_are_read():
    many = [{"name": f"d{n}", "sha256": f"{n:064x}"} for n in range(20)]

    read = call(said(extensions={"processor.example": {"evidence": many}}))

    assert [name for name, _ in read.status.documents] == [f"d{n}" for n in range(8)]


@pytest.mark.parametrize(
    "body",
    [
        "",
        "[]",
        "null",
        "[" * 9999,
        said(subject_request_id=NUMBER.upper()),
        said(subject_request_id=NUMBER.replace("-", "")),
        said(subject_request_id=None),
        said(request_status="denied"),
        said(request_status=["completed"]),
        said(status_callback_url="https://lethe.example/api/v1/recipients/8/callbacks"),
        said(status_callback_url=7),
    ],
)
def test_what_is_signed_and_no_callback_is_refused(body):
    with pytest.raises(CallbackUnreadable):
        call(body)


@given(binary(max_size=60))
def test_any_bytes_are_refused_in_words(body):
    with pytest.raises(CallbackUnreadable):
        call_in(body, address=ADDRESS, domain="processor.example")


@pytest.mark.parametrize("extensions", [7, [], {"processor.example": 7}, {}])
def test_extensions_of_another_form_say_nothing(extensions):
    assert call(said(extensions=extensions)).status.documents == ()


def follow(answers):
    """Return where a telling stands after some answers, and whether people must look."""
    at, alarms = None, 0
    for answer in answers:
        hearing = heard(at, answer)
        if hearing is Hearing.NEWS:
            at = answer
        alarms += hearing is Hearing.CONTRADICTION
    return at, alarms


def test_the_order_in_which_callbacks_come_does_not_matter():
    road = [Answer.PENDING, Answer.IN_PROGRESS, Answer.COMPLETED]

    assert {follow(order) for order in permutations(road)} == {(Answer.COMPLETED, 0)}


@given(lists(sampled_from(Answer), min_size=1, max_size=8))
def test_an_answer_never_goes_backwards_and_what_was_ended_stays(answers):
    ends = [answer for answer in answers if answer in {Answer.COMPLETED, Answer.CANCELLED}]

    at, alarms = follow(answers)

    assert at is (ends[0] if ends else max(answers, key=[*Answer].index))
    assert (alarms > 0) == (len(set(ends)) > 1)


def test_the_same_answer_again_is_known():
    assert {heard(answer, answer) for answer in Answer} == {Hearing.KNOWN}
    assert heard(None, Answer.CANCELLED) is Hearing.NEWS
