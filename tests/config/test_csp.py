import pytest
from django.contrib.auth.models import User
from django.test import Client

HEADER = "Content-Security-Policy"


def policy(answer):
    parts = (part.split(" ", 1) for part in answer[HEADER].split("; "))
    return {name: set(sources.split()) for name, sources in parts}


@pytest.fixture
def officer():
    client = Client()
    client.force_login(User.objects.create_superuser("clara"))
    return client


def test_nothing_foreign_and_nothing_inline_is_loaded():
    assert policy(Client().get("/livez")) == {
        "default-src": {"'self'"},
        "base-uri": {"'none'"},
        "form-action": {"'self'"},
        "frame-ancestors": {"'none'"},
        "object-src": {"'none'"},
    }


@pytest.mark.django_db
def test_only_the_admin_may_compile_its_templates_in_the_browser(officer):
    admin = policy(officer.get("/admin/auth/user/"))
    docs = policy(officer.get("/api/v1/docs/"))

    assert admin["script-src"] == {"'self'", "'unsafe-eval'"}
    assert "script-src" not in docs
    assert docs["default-src"] == admin["default-src"] == {"'self'"}
    assert docs["style-src"] == {"'self'", "'unsafe-inline'"}


@pytest.mark.django_db
def test_a_page_has_no_inline_script(officer):
    for address in ("/admin/auth/user/", "/api/v1/docs/"):
        page = officer.get(address).content.decode()
        scripts = [part.split("</script>")[0] for part in page.split("<script")[1:]]
        inline = [script for script in scripts if "src=" not in script.split(">")[0]]

        assert all('type="application/json"' in script for script in inline), address
