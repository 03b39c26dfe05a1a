"""Who gets into the officers' pages: whoever holds a role of people, staff or not."""

from typing import Any

from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from rest_framework.request import Request
from rest_framework.views import APIView
from typing_extensions import override
from unfold.forms import AuthenticationForm as LoginForm
from unfold.sites import UnfoldAdminSite

from audits.pages.access import BUILDERS, may
from audits.permissions import has_role
from config.logins import FailedLogins


class OfficerLogin(LoginForm):  # type: ignore[misc]  # unfold ships no types
    """Refuses accounts of machines as if the password were wrong, and who fails too often."""

    @override
    def clean(self) -> dict[str, Any]:
        # Counted together with the failures of tokens: it is the same password.
        failed, request, view = FailedLogins(), Request(self.request), APIView()
        if not failed.allow_request(request, view):
            raise ValidationError(
                f"Too many failed logins. Try again in {failed.wait():.0f} seconds.",
                code="throttled",
            )
        try:
            cleaned: dict[str, Any] = super().clean()
        except ValidationError:
            failed.count(request, view)
            raise
        return cleaned

    @override
    def confirm_login_allowed(self, user: User) -> None:
        AuthenticationForm.confirm_login_allowed(self, user)
        if not has_role(user, *BUILDERS):
            raise ValidationError(
                self.error_messages["invalid_login"],
                code="invalid_login",
                params={"username": self.username_field.verbose_name},
            )


class OfficerSite(UnfoldAdminSite):  # type: ignore[misc]  # unfold ships no types
    """The admin, opened by roles."""

    login_form = OfficerLogin

    @override
    def has_permission(self, request: HttpRequest) -> bool:
        return may(request, BUILDERS)
