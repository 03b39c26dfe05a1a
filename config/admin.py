"""Accounts, for administrators only. Tokens of machines are made over HTTP and have no page."""

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import Group, User
from django.http import HttpRequest
from knox.models import AuthToken
from typing_extensions import override
from unfold.admin import ModelAdmin
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from audits.pages.access import may
from audits.permissions import Role

admin.site.unregister([AuthToken, Group, User])


@admin.register(User)
class AccountAdmin(UserAdmin[User], ModelAdmin):  # type: ignore[misc]  # unfold ships no types
    """People and machines that may sign in. Roles are groups; nobody becomes a superuser here."""

    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    list_display = ("username", "roles", "is_active", "last_login")
    list_filter = ("groups", "is_active")
    fieldsets = (
        (None, {"fields": ("username", "password")}),
        ("May do", {"fields": ("is_active", "groups")}),
        ("Person", {"fields": ("first_name", "last_name", "email")}),
    )
    filter_horizontal = ()

    @override
    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).prefetch_related("groups")

    @admin.display(description="Roles")
    def roles(self, account: User) -> str:
        if account.is_superuser:
            return "all (superuser)"
        return ", ".join(sorted(group.name for group in account.groups.all())) or "none"

    def _may(self, request: HttpRequest, account: User | None = None) -> bool:
        # A superuser's password is no way up for an administrator.
        above = account is not None and account.is_superuser and not request.user.is_superuser
        return may(request, {Role.ADMINISTRATOR}) and not above

    @override
    def has_module_permission(self, request: HttpRequest) -> bool:
        return self._may(request)

    @override
    def has_view_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return self._may(request)

    @override
    def has_add_permission(self, request: HttpRequest) -> bool:
        return self._may(request)

    @override
    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return self._may(request, obj)

    @override
    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        # The trail names accounts by number: a number must not lose its account.
        return False
