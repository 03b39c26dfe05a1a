import hmac

from hypothesis import given
from hypothesis import strategies as st

from lineage.keyed import keyed


@given(st.binary(max_size=200), st.binary(max_size=200), st.binary(max_size=200))
def test_it_equals_the_standard_library_for_keys_of_any_length(key, context, tail):
    mac = keyed(key, context=context)

    assert mac(tail) == hmac.digest(key, context + tail, "sha256")
    assert mac(tail) == mac(tail)  # the kept states are copied, never advanced


def test_it_agrees_with_a_published_vector():
    # RFC 4231, test case 2
    mac = keyed(b"Jefe", context=b"what do ya want ")

    digest = mac(b"for nothing?").hex()

    assert digest == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"


def test_a_width_cuts_the_end():
    assert keyed(b"k", context=b"", width=16)(b"x") == keyed(b"k", context=b"")(b"x")[:16]
