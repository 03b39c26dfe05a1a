from importlib import import_module

from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig
from typing_extensions import override


class ConfigConfig(AppConfig):
    default = True
    name = "config"

    @override
    def ready(self) -> None:
        import_module("config.checks")  # registers them; it needs the models


class OfflineConfig(AppConfig):
    """Only the commands: without the other apps there is nothing to check."""

    default = False
    name = "config"


class OfficersAdmin(AdminConfig):
    default = False
    default_site = "config.admin_site.OfficerSite"
