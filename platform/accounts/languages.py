"""The language in which somebody is answered, where her way says which."""

from django.conf import settings
from django.http import HttpRequest
from django.utils import translation


def speak(request: HttpRequest, language: str) -> None:
    """Answer in this language, unless she has chosen one in the footer; none if it is empty."""
    chosen = request.COOKIES.get(settings.LANGUAGE_COOKIE_NAME)
    if language and chosen not in dict(settings.LANGUAGES):
        translation.activate(language)
        request.LANGUAGE_CODE = language
