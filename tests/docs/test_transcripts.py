import pytest

from tests.docs.transcripts import agrees, shown_in


def test_commands_and_their_output_are_read_from_a_page(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("x\n```console\n$ one \\\n> two\nout\n$ three\n```\n```python\n$ no\n```\n")

    first, second = shown_in(page)

    assert (first.command, first.output) == ("one \\\ntwo", "out")
    assert (second.command, second.output) == ("three", "")


@pytest.mark.parametrize(
    ("expected", "actual", "verdict"),
    [
        ("a 12 b", "a 12 b\n", True),
        ("a … b", "a 12 b", True),
        ("a\n…\nb", "a\nx\ny\nb", True),
        ("a\n…\nb", "a\nb", True),
        ("", "", True),
        ("a 12 b", "a 13 b", False),
        ("a", "a\nb", False),
        ("", "surprise", False),
        ("a\n…\nb", "a\nx", False),
    ],
)
def test_three_dots_stand_for_anything_and_nothing_else_does(expected, actual, verdict):
    assert agrees(expected, actual) is verdict
