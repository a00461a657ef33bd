"""In which language a page is shown: the visitor's own, where the page has been translated."""

import re
from typing import Final

from django.conf import settings
from django.http import HttpRequest
from django.middleware.locale import LocaleMiddleware
from django.utils import translation

# Raters' pages and sign-in. Boards, the admin and REST are in English: half a page in another
# language would be read out wrongly, and a decimal comma is no number to a chart or a program.
TRANSLATED: Final = re.compile(r"/(join|accounts|language)/")
ENGLISH: Final = "en"


class PageLanguage(LocaleMiddleware):
    """The language that she chose, or else her browser's first one that there is."""

    def process_request(self, request: HttpRequest) -> None:
        super().process_request(request)
        chosen = translation.get_language() or settings.LANGUAGE_CODE
        if not chosen.startswith(ENGLISH) and not TRANSLATED.match(request.path_info):
            translation.activate(settings.LANGUAGE_CODE)
            request.LANGUAGE_CODE = settings.LANGUAGE_CODE
