from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser, Group, User
from rest_framework.request import Request
from rest_framework.test import APIRequestFactory
from rest_framework.views import APIView

from audits.permissions import Deny, Reading, Role, has_role

pytestmark = pytest.mark.django_db


def account(*roles: Role, **changes: Any) -> User:
    user = User.objects.create_user("somebody", **changes)
    for role in roles:
        user.groups.add(Group.objects.get_or_create(name=role.value)[0])
    return user


def test_a_role_is_a_group():
    officer = account(Role.OFFICER)

    assert has_role(officer, Role.OFFICER)
    assert has_role(officer, Role.AUDITOR, Role.OFFICER)
    assert not has_role(officer, Role.AUDITOR)


def test_a_superuser_holds_every_role():
    assert has_role(account(is_superuser=True), Role.AUDITOR)


def test_a_closed_account_and_a_stranger_hold_none():
    assert not has_role(account(Role.OFFICER, is_active=False), Role.OFFICER)
    assert not has_role(AnonymousUser(), Role.OFFICER)


def test_a_view_that_names_no_role_answers_nobody():
    request = Request(APIRequestFactory().get("/"))

    assert not Deny().has_permission(request, APIView())


def test_reading_lets_through_what_changes_nothing():
    passed = [
        Reading().has_permission(Request(APIRequestFactory().generic(method, "/")), APIView())
        for method in ("GET", "HEAD", "POST", "DELETE")
    ]

    assert passed == [True, True, False, False]
