from training.evidence import REFUSALS, EvidenceClass, closes, made_by, refusal_of


def test_only_what_is_exact_or_gone_closes_an_obligation():
    assert {one for one in EvidenceClass if closes(one)} == {
        EvidenceClass.RETRAINED,
        EvidenceClass.EXACT_COMPONENT,
        EvidenceClass.EXACT_DOWNDATE,
        EvidenceClass.RETIRED,
    }


def test_a_refusal_says_why_and_what_to_do():
    for one in EvidenceClass:
        assert bool(refusal_of(one)) is not closes(one)
    assert all("retrained or destroyed" in said for said in REFUSALS.values())
    assert "approximate unlearning" in refusal_of(EvidenceClass.APPROXIMATE)


def test_a_version_of_which_every_part_was_fitted_is_retrained():
    parts = EvidenceClass.EXACT_COMPONENT

    assert made_by(parts, fitted=4, parts=4) is EvidenceClass.RETRAINED
    assert made_by(parts, fitted=1, parts=4) is parts
    assert made_by(EvidenceClass.EXACT_DOWNDATE, fitted=0, parts=4) is EvidenceClass.EXACT_DOWNDATE


def test_to_touch_every_part_does_not_make_an_approximation_exact():
    for one in REFUSALS:
        assert made_by(one, fitted=4, parts=4) is one
