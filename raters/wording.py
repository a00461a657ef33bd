"""Whose words a rater reads: ours in the language of the page, a study's in the study's own.

A screen reader speaks by the `lang` of what it reads (WCAG 2.2, criterion 3.1.2). Where a study
names no language nobody knows which it is, and nothing is marked.
"""

from django.utils.html import format_html

from studies.models import Study


def written(text: str, study: Study) -> str:
    """What a study admin wrote, within a line of ours, marked with the study's language."""
    if not text or not study.language:
        return text
    return format_html('<span lang="{}">{}</span>', study.language, text)


def language_mark(study: Study) -> str:
    """The attribute of an element that holds nothing but what a study admin wrote."""
    return format_html(' lang="{}"', study.language) if study.language else ""
