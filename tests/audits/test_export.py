from pathlib import Path

import pytest

from audits.errors import BundleInvalid
from audits.export import is_export, verify_export, write_export
from audits.merkle import root_of
from audits.notes import SealedCheckpoint, TreeHead, sign_note
from audits.tiles import grow, tiles_of
from tests.audits.test_bundle import STRANGER, TRAIL
from tests.audits.test_merkle import leaves_of
from tests.audits.test_tiles import reader_of
from tests.cast import MONDAY

SIZE = 600
LEAVES = leaves_of(SIZE)


def checkpoint_of(size: int, *, origin: str = TRAIL.name, leaves=LEAVES) -> str:
    head = TreeHead(origin=origin, size=size, root=root_of(leaves[:size]))
    return sign_note(head.text, name=TRAIL.name, seed=TRAIL.seed)


def sealed(size: int, note: str) -> SealedCheckpoint:
    return SealedCheckpoint(size=size, root=root_of(LEAVES[:size]), note=note, sealed_at=MONDAY)


def entries(begin: int, end: int) -> list[bytes]:
    return [b"%d" % number for number in range(begin, end)]


def export(folder: Path, *, note: str | None = None) -> int:
    tiles = grow(reader_of({}), size=0, leaves=leaves_of(SIZE + 5))
    return write_export(
        folder,
        checkpoint=sealed(SIZE, note or checkpoint_of(SIZE)),
        trail_key=TRAIL.verifier_key,
        read_tile=reader_of(tiles),
        read_entries=entries,
    )


def test_an_exported_trail_is_recomputed_and_accepted(tmp_path):
    assert not is_export(tmp_path)
    assert export(tmp_path) == len(list(tmp_path.rglob("*"))) - sum(
        path.is_dir() for path in tmp_path.rglob("*")
    )
    checks: list[str] = []

    verdict = verify_export(tmp_path, trail_key=TRAIL.verifier_key, passed=checks.append)

    assert is_export(tmp_path)
    assert verdict.head.size == SIZE
    assert len(checks) == 3


@pytest.mark.parametrize("kept", [1, 256, 300, SIZE])
def test_an_older_checkpoint_of_the_same_trail_fits(tmp_path, kept):
    export(tmp_path)
    (tmp_path / "kept").write_text(checkpoint_of(kept))

    verify_export(tmp_path, older=tmp_path / "kept")


def test_a_past_that_was_rewritten_and_signed_again_is_found_out(tmp_path):
    export(tmp_path)
    another_past = [LEAVES[0], *LEAVES[:-1]]
    (tmp_path / "kept").write_text(checkpoint_of(300, leaves=another_past))

    with pytest.raises(BundleInvalid, match="does not begin with the 300 facts"):
        verify_export(tmp_path, older=tmp_path / "kept")


def test_a_trail_that_became_shorter_is_found_out(tmp_path):
    export(tmp_path)
    (tmp_path / "kept").write_text(checkpoint_of(SIZE + 1, leaves=leaves_of(SIZE + 1)))

    with pytest.raises(BundleInvalid, match="does not begin"):
        verify_export(tmp_path, older=tmp_path / "kept")


def evidence() -> list[str]:
    return [
        "checkpoint",
        "keys.json",
        *[tile.path for tile in tiles_of(SIZE)],
        "tile/entries/000",
        "tile/entries/002.p/88",
    ]


@pytest.mark.parametrize("name", evidence())
def test_a_changed_cut_or_missing_file_is_refused(tmp_path, name):
    export(tmp_path)
    verify_export(tmp_path)
    file = tmp_path / name
    whole = file.read_bytes()
    middle = len(whole) // 2
    accepted = []

    for changed in (
        whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :],
        bytes([whole[0] ^ 128]) + whole[1:],
        whole[:-1],
        whole + b"\x00",
        b"",
    ):
        file.write_bytes(changed)
        try:
            verify_export(tmp_path)
        except BundleInvalid:
            continue
        accepted.append(changed)

    assert accepted == []
    file.unlink()
    with pytest.raises(BundleInvalid, match="missing"):
        verify_export(tmp_path)


def test_entries_and_tiles_changed_together_do_not_fit_the_checkpoint(tmp_path):
    export(tmp_path, note=checkpoint_of(SIZE, leaves=LEAVES[::-1]))

    with pytest.raises(BundleInvalid, match="do not have the root"):
        verify_export(tmp_path)


def test_another_key_than_the_pinned_one_is_refused(tmp_path):
    export(tmp_path)

    with pytest.raises(BundleInvalid, match="not the one that was asked for"):
        verify_export(tmp_path, trail_key=STRANGER.verifier_key)


def test_a_checkpoint_of_another_trail_is_refused(tmp_path):
    export(tmp_path, note=checkpoint_of(SIZE, origin="lethe.example/trail/2"))

    with pytest.raises(BundleInvalid, match="another trail"):
        verify_export(tmp_path)


def test_an_empty_trail_is_a_trail(tmp_path):
    write_export(
        tmp_path,
        checkpoint=sealed(0, checkpoint_of(0)),
        trail_key=TRAIL.verifier_key,
        read_tile=reader_of({}),
        read_entries=entries,
    )

    assert verify_export(tmp_path).head.size == 0
