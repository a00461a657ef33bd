"""What may be said of a study in the admin."""

import re
from typing import Any

from django.core.exceptions import ValidationError
from django.forms import ModelForm
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminTextareaWidget

from studies.models import Electorate

PARAMETERS = ("recruiting_parameter", "study_parameter", "session_parameter")
PARAMETER_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]*")


class StudyForm(ModelForm):  # type: ignore[type-arg]
    """A study. Whom it speaks for can be said as long as it has no raters."""

    class Meta:
        widgets = {"task": UnfoldAdminTextareaWidget(attrs={"rows": 4})}
        help_texts = {
            "asks_to_quote": gettext_lazy(
                "Raters are asked, beside their consent, if what they write may be "
                "published without a name; taking part never depends on it. The reasons of "
                "those who agree stand on contestants’ pages, as long as this is ticked. "
                "You can hide each of them, on the page of its battle."
            ),
        }

    def clean_electorate(self) -> Electorate | None:
        electorate: Electorate | None = self.cleaned_data["electorate"]
        had = self.instance.electorate_id
        if had and electorate is None:
            raise ValidationError(
                _("Choose another electorate; a study keeps one once it has one.")
            )
        return electorate

    def clean_currency(self) -> str:
        currency = str(self.cleaned_data["currency"]).strip().upper()
        if len(currency) != 3 or not (currency.isascii() and currency.isalpha()):
            raise ValidationError(_("Three letters, such as GBP, USD or EUR."))
        return currency

    def clean_recruiting_parameter(self) -> str:
        return self._clean_parameter("recruiting_parameter")

    def clean_study_parameter(self) -> str:
        return self._clean_parameter("study_parameter")

    def clean_session_parameter(self) -> str:
        return self._clean_parameter("session_parameter")

    def _clean_parameter(self, field: str) -> str:
        name = str(self.cleaned_data[field]).strip()
        if name and not PARAMETER_NAME.fullmatch(name):
            raise ValidationError(_("A letter first, then letters, digits and _ - . only."))
        return name

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        least, most = data.get("min_turns"), data.get("max_turns")
        if least and most is not None and most < least:
            self.add_error(
                "max_turns",
                _("Raters write %(least)s messages at least: allow as many.") % {"least": least},
            )
        names = [data[field] for field in PARAMETERS if data.get(field)]
        if len(set(names)) < len(names):
            self.add_error("recruiting_parameter", _("Each parameter needs a name of its own."))
        return data
