import pytest

from tests.audits.append_only import allow_truncate


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup, django_db_blocker):
    with django_db_blocker.unblock():
        allow_truncate()
