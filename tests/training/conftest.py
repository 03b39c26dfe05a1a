import pytest


@pytest.fixture(autouse=True)
def artefacts_of_its_own(settings, tmp_path_factory):
    """Give each test a folder of artefacts: rows are rolled back after it, files are not."""
    settings.ARTEFACT_DIR = tmp_path_factory.mktemp("artefacts")
