import pytest

from config.version import CHANGELOG, VERSION, version_in


def test_the_version_is_the_newest_of_the_changelog():
    text = "# Changelog\n\n## [Unreleased]\n\n## [1.2.3] - 2026-01-05\n\n## [1.2.2]\n"

    assert version_in(text) == "1.2.3"


def test_a_changelog_without_a_version_is_a_mistake():
    with pytest.raises(ValueError, match="names no version"):
        version_in("# Changelog\n")


def test_the_service_says_the_changelogs_version():
    assert f"## [{VERSION}]" in CHANGELOG.read_text()
