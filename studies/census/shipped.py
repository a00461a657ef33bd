"""The electorates that come with Hustings, described in studies/electorates."""

from importlib.resources import files
from importlib.resources.abc import Traversable

from studies.census.errors import ElectorateError
from studies.census.specification import ElectorateSpec
from studies.census.toml_format import parse_toml

_SUFFIX = ".toml"


def shipped_electorates() -> tuple[str, ...]:
    """The slugs of the shipped electorates, in alphabetical order."""
    names = (entry.name for entry in _folder().iterdir())
    return tuple(sorted(_slug(name) for name in names if name.endswith(_SUFFIX)))


def load_shipped(slug: str) -> ElectorateSpec:
    """The shipped electorate with this slug; ElectorateError lists the slugs there are."""
    known = shipped_electorates()
    if slug not in known:
        raise ElectorateError(
            f'no electorate "{slug}" is shipped', remedy=f"there are: {', '.join(known)}"
        )
    name = slug.replace("-", "_") + _SUFFIX
    return parse_toml((_folder() / name).read_text(encoding="utf-8"), where=name)


def _folder() -> Traversable:
    return files("studies") / "electorates"


def _slug(name: str) -> str:
    return name.removesuffix(_SUFFIX).replace("_", "-")
