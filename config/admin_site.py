"""Who gets into the officers' pages: whoever holds a role of people, staff or not."""

from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from typing_extensions import override
from unfold.forms import AuthenticationForm as LoginForm
from unfold.sites import UnfoldAdminSite

from audits.pages.access import BUILDERS, may
from audits.permissions import has_role


class OfficerLogin(LoginForm):  # type: ignore[misc]  # unfold ships no types
    """Refuses accounts of machines as if the password were wrong."""

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
