"""App configurations of the project package."""

from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig


class HustingsConfig(AppConfig):
    """Makes the project's own commands and system checks known."""

    name = "hustings"

    def ready(self) -> None:
        from hustings import checks  # noqa: F401  they register themselves
        from hustings.operations import identity_key  # noqa: F401  so does this one


class HustingsAdminConfig(AdminConfig):
    """Django admin on the project's own site."""

    default_site = "accounts.admin_site.HustingsAdminSite"
