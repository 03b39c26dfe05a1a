import pytest
from django.db import OperationalError, connection
from django.test import Client


def test_a_living_process_says_so_without_a_database():
    assert Client().get("/livez").json() == {"alive": True}


@pytest.mark.parametrize("probe", ["/livez", "/readyz"])
@pytest.mark.django_db
def test_a_probe_comes_by_address_and_without_tls(settings, probe):
    settings.ALLOWED_HOSTS = ["lethe.example"]
    settings.SECURE_SSL_REDIRECT = True

    assert Client().get(probe, headers={"Host": "10.0.0.7:8000"}).status_code == 200
    assert Client().get("/admin/", headers={"Host": "10.0.0.7:8000"}).status_code == 400


@pytest.mark.django_db
def test_a_service_that_reaches_its_database_and_broker_is_ready():
    answer = Client().get("/readyz")

    assert answer.status_code == 200
    assert answer.json() == {"database": True, "broker": True}


@pytest.mark.django_db
def test_a_service_without_its_broker_is_not_ready(settings):
    settings.REDIS_URL = "redis+socket:///nowhere/redis.sock"

    answer = Client().get("/readyz")

    assert answer.status_code == 503
    assert answer.json() == {"database": True, "broker": False}


@pytest.mark.django_db
def test_a_service_without_its_database_is_not_ready():
    def refuse(*_said):
        raise OperationalError

    with connection.execute_wrapper(refuse):
        answer = Client().get("/readyz")

    assert answer.status_code == 503
    assert answer.json() == {"database": False, "broker": True}
