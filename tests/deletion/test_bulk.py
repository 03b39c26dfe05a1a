import gzip
import json
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deletion.bulk import BLOCK, Form, Limits, Line, chunks_of, inflated, lines_in
from deletion.errors import LineMalformed, UploadUnreadable
from deletion.intake import HashedIdentifier, RawIdentifier
from tests.cast import ALICE, BOB

HEADER = "regime,verification,key,value:email,sha256:customer\n"
DIGEST = sha256(ALICE.encode()).hexdigest()


def csv(text, **how):
    return list(lines_in([text.encode()], form=Form.CSV, **how))


def ndjson(*objects, **how):
    text = "".join(json.dumps(each) + "\n" for each in objects)
    return list(lines_in([text.encode()], form=Form.NDJSON, **how))


def demand(**changes):
    return {
        "regime": "gdpr",
        "verification": "account-login",
        "identifiers": [{"namespace": "email", "value": ALICE}],
        **changes,
    }


def refusals(lines):
    return {line.number: str(line.said) for line in lines if isinstance(line.said, LineMalformed)}


def read_until_broken(blocks, **how):
    """Return what was read, and why no more was."""
    read: list[Line] = []
    with pytest.raises(UploadUnreadable) as broken:
        read.extend(line for chunk in chunks_of(lines_in(blocks, **how)) for line in chunk)
    return read, str(broken.value)


def test_a_line_of_csv_says_the_same_as_one_of_json():
    written = csv(f'{HEADER}gdpr,account-login,k-1,"{ALICE}",{DIGEST}\n')
    said = ndjson(
        demand(
            key="k-1",
            identifiers=[
                {"namespace": "email", "value": ALICE},
                {"namespace": "customer", "sha256": DIGEST},
            ],
        )
    )

    assert (written[0].said, written[0].key) == (said[0].said, said[0].key)
    assert written[0].said.identifiers == (
        RawIdentifier(namespace="email", value=ALICE),
        HashedIdentifier(namespace="customer", sha256=DIGEST),
    )
    assert (written[0].number, said[0].number) == (2, 1)


def test_an_empty_field_of_csv_says_nothing_and_blank_lines_are_only_counted():
    lines = csv(f"{HEADER}\ngdpr,post,,{ALICE},\n  \r\ngdpr,post,,,{DIGEST}\r\n")

    assert [line.number for line in lines] == [3, 5]
    assert [len(line.said.identifiers) for line in lines] == [1, 1]
    assert [line.key for line in lines] == ["", ""]


def test_the_mark_that_editors_put_before_utf_8_is_no_part_of_the_first_line():
    lines = csv(f"\ufeff{HEADER}gdpr,post,,{ALICE},\n")

    assert lines[0].said.identifiers[0].value == ALICE


@pytest.mark.parametrize(
    ("changes", "because"),
    [
        ({"regime": 1}, "regime"),
        ({"verification": "by phone, twice"}, "verification"),
        ({"verification": None}, "verification"),
        ({"identifiers": []}, "identifiers"),
        ({"identifiers": [{"namespace": "email", "value": ALICE}] * 21}, "identifiers"),
        ({"identifiers": {"namespace": "email", "value": ALICE}}, "identifiers"),
        ({"identifiers": [{"namespace": "email", "value": 4}]}, "identifiers"),
        ({"identifiers": [{"namespace": "email", "sha256": ALICE}]}, "identifiers"),
        ({"key": "with a blank"}, "key"),
        ({"kye": "k-1"}, "a member"),
    ],
)
def test_a_line_that_says_no_demand_refuses_only_itself_and_repeats_nothing(changes, because):
    lines = ndjson(demand(), demand(**changes), demand())

    assert refusals(lines).keys() == {2}
    assert refusals(lines)[2].startswith(because)
    assert ALICE not in refusals(lines)[2]


@pytest.mark.parametrize(
    "text", ["[]", "{", "nul", "[" * 60_000, '{"regime": 1e999999}', "7" * 5000]
)
def test_a_line_that_is_no_object_of_json_is_refused(text):
    lines = list(lines_in([f"{text}\n{json.dumps(demand())}".encode()], form=Form.NDJSON))

    assert refusals(lines).keys() == {1}


def test_a_quotation_mark_that_is_not_closed_swallows_no_other_line():
    lines = csv(f'{HEADER}gdpr,post,,"{ALICE},\ngdpr,post,,{BOB},\ngdpr,post,,{BOB}\n')

    assert refusals(lines).keys() == {2, 4}
    assert lines[1].said.identifiers[0].value == BOB
    assert ALICE not in str(refusals(lines))


@pytest.mark.parametrize(
    "header", ["regime,verification,email", "key,key,value:email", 'regime,"x', f"{ALICE},regime"]
)
def test_a_header_that_cannot_be_understood_ends_the_reading_before_it_began(header):
    read, because = read_until_broken([f"{header}\na,b,c\n".encode()], form=Form.CSV)

    assert read == []
    assert because.startswith("line 1: ")
    assert ALICE not in because


def test_a_line_that_is_too_long_ends_the_reading_and_what_came_before_is_read():
    good = json.dumps(demand()).encode() + b"\n"
    read, because = read_until_broken(
        [good, b"x" * 500, b"x" * 600], form=Form.NDJSON, limits=Limits(line_bytes=1000)
    )

    assert [line.number for line in read] == [1]
    assert because == "line 2: longer than 1,000 bytes"


def test_a_line_that_is_not_utf_8_ends_the_reading_and_is_not_repeated():
    good = json.dumps(demand()).encode() + b"\n"
    read, because = read_until_broken([good + b"\xff\xfe" + ALICE.encode()], form=Form.NDJSON)

    assert [line.number for line in read] == [1]
    assert because == "line 2: not UTF-8"


@pytest.mark.parametrize(("form", "head"), [(Form.CSV, HEADER), (Form.NDJSON, "")])
def test_an_upload_of_too_many_lines_is_read_as_far_as_it_may_be(form, head):
    line = f"gdpr,post,,{ALICE},\n" if form is Form.CSV else json.dumps(demand()) + "\n"
    limits = Limits(lines=3)

    assert len(list(lines_in([(head + line * 3).encode()], form=form, limits=limits))) == 3
    read, because = read_until_broken([(head + line * 4).encode()], form=form, limits=limits)
    assert len(read) == 3
    assert "more than 3 lines" in because


def test_chunks_hold_every_line_once_and_in_order():
    lines = ndjson(*[demand()] * 7)

    chunks = [[line.number for line in chunk] for chunk in chunks_of(iter(lines), size=3)]

    assert chunks == [[1, 2, 3], [4, 5, 6], [7]]


@given(st.lists(st.binary(max_size=300), max_size=6), st.integers(1, 50))
def test_gzip_of_any_members_in_any_blocks_is_what_was_packed(members, size):
    packed = b"".join(gzip.compress(member) for member in members)
    blocks = [packed[at : at + size] for at in range(0, len(packed), size)]

    if members:
        assert b"".join(inflated(blocks)) == b"".join(members)


@given(st.data())
def test_where_the_stream_is_cut_into_blocks_changes_no_line(data):
    text = (HEADER + f"gdpr,post,,{ALICE},\r\n\ngdpr,post,,{BOB},").encode()
    cuts = sorted(data.draw(st.sets(st.integers(0, len(text)), max_size=8)))
    blocks = [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]

    assert list(lines_in(blocks, form=Form.CSV)) == csv(text.decode())


def test_a_gzip_stream_that_is_cut_or_damaged_gives_no_half_line():
    line = json.dumps(demand()).encode() + b"\n"
    packed = gzip.compress(line + line[:-1])
    for broken in (packed[:-9], packed[:-1], packed[:-6] + b"\x00\x00" + packed[-4:], b"", line):
        read, because = read_until_broken([broken], form=Form.NDJSON, gzipped=True)
        assert len(read) <= 1
        assert because.startswith("the gzip stream")


def test_a_decompression_bomb_is_left_before_it_fills_anything():
    bomb = gzip.compress(b"\n" * (100 << 20))
    pieces: list[bytes] = []

    with pytest.raises(UploadUnreadable, match="expands more than 200 times"):
        pieces.extend(inflated([bomb[at : at + BLOCK] for at in range(0, len(bomb), BLOCK)]))

    assert max(map(len, pieces)) <= BLOCK
    assert sum(map(len, pieces)) <= 200 * len(bomb)
