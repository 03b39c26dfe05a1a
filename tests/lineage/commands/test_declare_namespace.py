import pytest
from django.core.management import CommandError, call_command

from lineage.models import Namespace
from tests.lineage.builders import recorded

pytestmark = pytest.mark.django_db


def test_a_namespace_is_declared(capsys):
    call_command("declare_namespace", "email", "--kind", "email")

    assert capsys.readouterr().out == "namespace email: email identifiers\n"
    assert recorded("NamespaceDeclared")[0]["actor"] == "command:declare_namespace"


def test_a_conflict_is_refused_in_one_line():
    call_command("declare_namespace", "email", "--kind", "email")

    with pytest.raises(CommandError, match="NamespaceConflict") as said:
        call_command("declare_namespace", "email", "--kind", "text")

    assert "\n" not in str(said.value)
    assert Namespace.objects.get().kind == "email"


@pytest.mark.parametrize("arguments", [["a b", "--kind", "text"], ["a", "--kind", "phone"], ["a"]])
def test_senseless_arguments_are_refused(arguments):
    with pytest.raises(CommandError):
        call_command("declare_namespace", *arguments)

    assert not Namespace.objects.exists()
