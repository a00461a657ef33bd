"""The project's user: a person or program that signs in. Raters are not users; see `raters`."""

from django.contrib.auth.models import AbstractUser


class User(AbstractUser):
    """Somebody who signs in: a study admin, a reviewer, or the owner of an API token."""
