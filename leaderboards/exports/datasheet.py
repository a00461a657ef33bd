"""An export's datasheet, after Gebru et al. 2021, "Datasheets for Datasets".

Who, when, how recruited, for whom, what was checked and left out, and under which licence.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Max, Min

from leaderboards.exclusions import read_left_out, together
from leaderboards.exports.citation import licence_of, title_of
from leaderboards.exports.people import People
from leaderboards.models import Export
from raters.models import Battle, Rating, Verdict
from raters.quality.personal import FEWEST_ALIKE
from studies.models import Electorate, Study


@dataclass(frozen=True)
class Collected:
    """What there is of a study, and what of it the export leaves out, in numbers."""

    span: tuple[datetime, datetime] | None
    states: Mapping[str, int]
    withdrawn: int
    checks: int
    unreleased: int

    @classmethod
    def of(cls, people: People) -> "Collected":
        """Count a study's participations and battles."""
        study = people.study
        counted = study.participations.order_by().values_list("state").annotate(Count("pk"))
        states = dict(counted)
        battles = Battle.objects.filter(participation__in=people.names)
        span = battles.filter(attention_check=None).aggregate(
            first=Min("created_at"), last=Max("created_at")
        )
        return cls(
            span=(span["first"], span["last"]) if span["first"] else None,
            states=states,
            withdrawn=states.pop("withdrawn", 0),
            checks=battles.exclude(attention_check=None).count(),
            unreleased=sum(not people.may_quote(pk, is_hidden=False) for pk in people.names),
        )


def datasheet(
    people: People, collected: Collected, rows: Mapping[str, int], *, at: datetime
) -> str:
    """The datasheet as Markdown; `rows` counts those of each file."""
    export, study = people.export, people.study
    parts: list[tuple[str, Iterable[str]]] = [
        ("Motivation", _motivation(study)),
        ("Composition", _composition(export, rows)),
        ("Collection", _collection(study, collected)),
        ("Whom it speaks for", _electorate(study.electorate)),
        ("Checks and exclusions", _exclusions(study, collected)),
        ("What was left out of this export", _left_out(people, collected)),
        ("Uses", _uses(study)),
        ("Distribution", _distribution(export, at)),
    ]
    text = [f"# {_line(title_of(export))}", ""]
    for heading, lines in parts:
        text += [f"## {heading}", "", *lines, ""]
    return "\n".join(text)


def _line(text: str) -> str:
    """Words of others on one line: nothing of them becomes a heading."""
    return " ".join(text.split())


def _motivation(study: Study) -> Iterator[str]:
    yield f"The study asks: {_line(study.question or study.title)}"
    yield ""
    for each in study.dimensions.order_by("position", "key"):
        overall = ", the overall one" if each.is_overall else ""
        yield f"- {each.key} ({_line(each.name)}{overall}): {_line(each.question or 'no question')}"


def _composition(export: Export, rows: Mapping[str, int]) -> Iterator[str]:
    for name, count in rows.items():
        yield f"- {name}.{export.format}: {count:,} rows"
    contestants = export.study.contestants.select_related("chat_model").order_by("slug")
    yield ""
    yield "Contestants:"
    yield ""
    for each in contestants:
        by = f" by {_line(each.chat_model.developer)}" if each.chat_model.developer else ""
        gone = f", withdrawn: {_line(each.withdrawal_reason)}" if each.withdrawn_at else ""
        yield f"- {_line(each.name)}{by}{gone}"
    if export.study.is_simulated:
        yield ""
        yield "**The raters are simulated: nothing here was said by a person.**"


def _collection(study: Study, collected: Collected) -> Iterator[str]:
    if collected.span is not None:
        first, last = collected.span
        yield f"- When: battles began from {first:%Y-%m-%d} to {last:%Y-%m-%d}."
    yield f"- How: {study.get_protocol_display()}; {study.min_turns} to {study.max_turns} messages."
    yield f"- Who could come in: {study.get_entrance_display()}."
    if quotas := study.quotas.count():
        yield f"- Quotas: {quotas}, of {study.get_quota_by_display()}."
    else:
        yield "- Quotas: none; raters came as they came."
    if study.pay is not None:
        minutes = f" for about {study.minutes_estimated} minutes" if study.minutes_estimated else ""
        yield f"- Pay: {study.pay} {study.currency}{minutes}."
    else:
        yield "- Pay: none is stated."
    versions = study.consent_texts.count()
    yield f"- Consent: {versions} version{'' if versions == 1 else 's'} of the text."
    for state, count in sorted(collected.states.items()):
        yield f"- Participations {state.replace('_', ' ')}: {count:,}"


def _electorate(electorate: Electorate | None) -> Iterator[str]:
    if electorate is None:
        yield "No electorate: it speaks for its raters only."
        return
    yield f"{_line(electorate.name)}. {_line(electorate.description)}".strip()
    yield ""
    for axis in electorate.axes.prefetch_related("groups__source").order_by("position"):
        groups = axis.groups.order_by("position")
        shares = ", ".join(f"{_line(group.name)} {group.share:.1%}" for group in groups)
        yield f"- {_line(axis.name)}: {shares}"
    yield ""
    yield "Sources of the shares:"
    yield ""
    for source in electorate.sources.order_by("key"):
        rest = ", ".join(filter(None, (source.licence, source.url)))
        yield f"- {_line(str(source))}{f' ({_line(rest)})' if rest else ''}"


def _exclusions(study: Study, collected: Collected) -> Iterator[str]:
    kinds = study.checks.order_by("kind").values_list("kind", flat=True).distinct()
    yield f"- Attention checks: {', '.join(kinds) or 'none'}; battles: {collected.checks:,}."
    yield f"- A participation ends with {study.strikes_allowed} strikes."
    found = together(tuple(read_left_out(study)))
    for each in found:
        given = f"{each.verdicts:,} answers" if each.verdicts is not None else "answers"
        yield f"- Excluded from boards: {each.words}, {given}. {_line(each.reason)}"
    if not found:
        yield "- Excluded from boards: nothing."


def _left_out(people: People, collected: Collected) -> Iterator[str]:
    yield f"- Raters who withdrew, with all that they said: {collected.withdrawn:,}."
    yield "- Ids of recruiting platforms, accounts, hashes of addresses and devices: in no export."
    if not people.is_release:
        yield "- Nothing else. Texts are as they were written, and may tell who somebody is."
        return
    yield f"- Attention checks: {collected.checks:,} battles."
    yield (
        f"- Words of {collected.unreleased:,} raters who did not release them or were struck out, "
        "and of battles that an admin has hidden."
    )
    yield (
        "- In words: addresses, links and numbers of seven digits or more, and names of models and "
        "their makers, are masked."
    )
    yield (
        f"- Groups: of a rater only as many are named as {FEWEST_ALIKE} people or more share, "
        "taken together."
    )
    yield "- Times but for the day, and the order in which raters came."
    yield "- Codes of raters: pseudonyms are new in each release."


def _uses(study: Study) -> Iterator[str]:
    is_single = study.protocol == Study.Protocol.SINGLE
    answers = (Rating if is_single else Verdict).objects.counting(study).count()
    yield f"- Boards speak for the electorate by the {answers:,} answers that count."
    yield "- Raters are people: what they prefer is no fact about the world."
    yield "- The terms of those who made the contestants may forbid training on their replies."
    yield "- Nobody may try to find out who a rater is."


def _distribution(export: Export, at: datetime) -> Iterator[str]:
    yield f"- Licence: {_line(licence_of(export))}"
    yield f"- Built on {at:%Y-%m-%d} as export {export.pk}. CITATION.cff says how to cite it."
    yield "- Whoever withdraws is left out of the next export: delete earlier ones."
