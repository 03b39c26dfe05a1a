import pytest

from audits.canonical import from_base64, from_decimal, from_json, to_json
from audits.errors import BundleInvalid


def test_json_has_one_spelling():
    assert to_json({"b": "ë", "a": [1, None]}) == '{"a":[1,null],"b":"ë"}'.encode()


@pytest.mark.parametrize("text", ["QQ", "QR==", "Q Q==", "QQ==\n", "Q_==", "é"])
def test_base64_has_one_spelling(text):
    assert from_base64("QQ==", what="it") == b"A"
    with pytest.raises(BundleInvalid, match=r"^it is not"):
        from_base64(text, what="it")


@pytest.mark.parametrize("text", ["", "01", "-1", "+1", "1 ", "²", "1" * 21])
def test_a_number_has_one_spelling(text):
    assert from_decimal("0", what="it") == 0
    with pytest.raises(BundleInvalid, match=r"^it is not a number"):
        from_decimal(text, what="it")


@pytest.mark.parametrize("data", [b"", b"[]", b'{"a":1,"a":2}', b"\xff", b"{" * 100_000])
def test_what_is_not_one_json_object_is_refused(data):
    assert from_json(b'{"a": 1}', what="it") == {"a": 1}
    with pytest.raises(BundleInvalid, match=r"^it is not"):
        from_json(data, what="it")
