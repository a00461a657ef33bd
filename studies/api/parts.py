"""Parts that views over REST are made of: filters, links, and numbers that may be none."""

from collections.abc import Iterable
from typing import Any

from django_filters import rest_framework as filters
from rest_framework import serializers
from rest_framework.reverse import reverse


class ListedFilter(filters.ChoiceFilter):
    """A filter on one of some values; any other is an error that lists them."""

    def __init__(self, field_name: str, *, values: Iterable[str] = (), **kwargs: Any) -> None:
        super().__init__(field_name=field_name, **kwargs)
        if values := tuple(values):
            self.allow(values)

    def allow(self, values: Iterable[str]) -> None:
        """Say what the values are, where it is known only once somebody asks."""
        known = list(dict.fromkeys(values))
        listed = ", ".join(known).replace("%", "%%") or "none"
        self.extra["choices"] = [(value, value) for value in known]
        self.extra["error_messages"] = {
            "invalid_choice": f"“%(value)s” is not known here; known are: {listed}."
        }


class Linked(serializers.ModelSerializer[Any]):
    """A serializer that links to other addresses of this interface, by their names."""

    def link(self, name: str, **kwargs: object) -> str:
        return reverse(f"api:{name}", kwargs=kwargs, request=self.context.get("request"))
