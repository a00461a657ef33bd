"""The project's user: a person or program that signs in.

Raters are not users: see `raters`. A rater of a study that asks for an account has one besides.
"""

from django.contrib.auth.models import AbstractUser


class User(AbstractUser):  # type: ignore[django-manager-missing]  # of tokens, which are untyped
    """Somebody who signs in: a study admin, a reviewer, the owner of an API token, or a rater."""
