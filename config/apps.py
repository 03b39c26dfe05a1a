from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig


class ConfigConfig(AppConfig):
    default = True
    name = "config"


class OfficersAdmin(AdminConfig):
    default = False
    default_site = "config.admin_site.OfficerSite"
