"""App configurations of the project package."""

from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig


class HustingsConfig(AppConfig):
    """Makes the project's own commands known."""

    name = "hustings"


class HustingsAdminConfig(AdminConfig):
    """Django admin on the project's own site."""

    default_site = "accounts.admin_site.HustingsAdminSite"
