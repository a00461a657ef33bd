"""In which language a page is shown: the visitor's own, where the page has been translated."""

import re
from typing import Final

from django.conf import settings
from django.http import HttpRequest
from django.middleware.locale import LocaleMiddleware
from django.utils import translation

from accounts.languages import speak
from accounts.sign_up import language_of_way

# Raters' pages and sign-in. Boards, the admin and REST are in English: half a page in another
# language would be read out wrongly, and a decimal comma is no number to a chart or a program.
TRANSLATED: Final = re.compile(r"/(join|accounts|language)/")
SIGN_IN: Final = "/accounts/"
ENGLISH: Final = "en"


class PageLanguage(LocaleMiddleware):
    """The language that she chose, or else her browser's first one that there is.

    Where a study has a language, its pages and signing in on her way into it come before her
    browser; `raters.access` knows the study.
    """

    def process_request(self, request: HttpRequest) -> None:
        super().process_request(request)
        if request.path_info.startswith(SIGN_IN):
            speak(request, language_of_way(request))
        chosen = translation.get_language() or settings.LANGUAGE_CODE
        if not chosen.startswith(ENGLISH) and not TRANSLATED.match(request.path_info):
            translation.activate(settings.LANGUAGE_CODE)
            request.LANGUAGE_CODE = settings.LANGUAGE_CODE
