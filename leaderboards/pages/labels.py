"""Says in words what conversations are called, and what that goes with: for people and team."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import exp, isfinite
from typing import Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from leaderboards.labels import ConversationLabel, EffectFacts, Labels, SideValue, ValueFacts
from leaderboards.models import Board
from leaderboards.pages.board import Choice, Option, PastBoard, read_contents
from leaderboards.pages.robustness_parts import Part
from leaderboards.pages.words import listed, percent, signed
from leaderboards.reports import LABELS
from leaderboards.services.reports import ReportStatus, report_status
from studies.models import Study

ABOUT_EFFECTS: Final = gettext_noop(
    "“Stands” is what is left if none of all these findings may be chance (Holm). "
    "Several verdicts of one rater count as if they were by several. An odds ratio is "
    "no cause: replies that are labelled so may differ in other ways."
)
ABOUT_SPREAD: Final = gettext_noop(
    "Spread is how far contestants are apart in skill there, an sd in log-odds; it is "
    "told from %(fewest)s verdicts a contestant on."
)
MOST_ODDS: Final = 100
EVERYBODY: Final = gettext_noop("Everybody")
TOO_FEW: Final = gettext_noop("too few")


@dataclass(frozen=True)
class LabelsInWords:
    """All that a report says: `answer` first, then `parts`; `basis` is on what it rests."""

    found: Labels
    answer: str
    basis: str
    parts: tuple[Part, ...]


@dataclass(frozen=True)
class LabelsPage:
    """Labels beside the board that stands; without `words`, `status` says what there is."""

    entry: PastBoard
    dimensions: tuple[Option, ...]
    dimension: str
    dimension_name: str
    status: ReportStatus
    words: LabelsInWords | None

    @property
    def board(self) -> Board:
        return self.entry.board


def read_labels_page(study: Study, entry: PastBoard, choice: Choice) -> LabelsPage:
    """Read the page. Raises NothingToRankError for a dimension that the board lacks."""
    contents = read_contents(study, entry.board)
    section = contents.choose(Choice(choice.dimension))
    status = report_status(study, LABELS, section.dimension_key)
    found = status.facts(Labels)
    return LabelsPage(
        entry=entry,
        dimensions=contents.dimension_options(Choice(section.dimension_key)),
        dimension=section.dimension_key,
        dimension_name=section.dimension_name,
        status=status,
        words=labels_in_words(study, found) if found else None,
    )


def labels_in_words(study: Study, found: Labels) -> LabelsInWords:
    """A report in words, with contestants and groups by the names that they have now."""
    names = dict(study.contestants.values_list("slug", "name"))
    groups = {(axis, key): f"{axis_name}: {name}" for axis, axis_name, key, name in _groups(study)}
    sides = [each for each in found.sides if each.effect is not None]
    return LabelsInWords(
        found=found,
        answer=answer_of(found),
        basis=" ".join(
            (_basis(found), _(ABOUT_EFFECTS), _(ABOUT_SPREAD) % {"fewest": found.fewest})
        ),
        parts=(
            *(_effect_part(each, groups) for each in sides),
            *_share_parts(found, names),
            *(_conversation_part(each) for each in found.conversations if each.values),
        ),
    )


def answer_of(found: Labels) -> str:
    """What stands of all that was tested, in a sentence."""
    said = [
        (
            _("a side that %(doing)s is preferred more often")
            if each.effect.log_odds > 0
            else _("a side that %(doing)s is preferred less often")
        )
        % {"doing": _doing(each)}
        for each in found.sides
        if each.effect is not None and each.effect.stands
    ]
    if any(value.differs for label in found.conversations for value in label.values):
        said.append(_("how often people see no difference hangs on what they talk about"))
    if not said:
        return _("Nothing that conversations are called goes clearly with people’s verdicts.")
    sentence = "; ".join(said)
    return f"{sentence[0].upper()}{sentence[1:]}."


def _groups(study: Study) -> Iterator[tuple[str, str, str, str]]:
    if study.electorate is None:
        return
    for axis in study.electorate.axes.order_by("position").prefetch_related("groups"):
        for group in axis.groups.all():
            yield axis.key, axis.name, group.key, group.name


def _basis(found: Labels) -> str:
    if not found.judge:
        return _(
            "It rests on %(verdicts)s verdicts. No judge has labelled the "
            "conversations: what stands here is read from the raters’ messages alone."
        ) % {"verdicts": f"{found.verdicts:,}"}
    return _(
        "It rests on %(verdicts)s verdicts, and on what the judge %(judge)s calls "
        "their conversations (run %(run)s). What a machine calls them may be wrong; "
        "“unclear” is left out where sides are compared."
    ) % {"verdicts": f"{found.verdicts:,}", "judge": found.judge, "run": found.run}


def _doing(side: SideValue) -> str:
    """A side's label as something that it does."""
    if side.key == "goal-reached":
        return _("reaches the goal")
    return side.value.replace("-", " ")


def _effect_part(side: SideValue, groups: Mapping[tuple[str, str], str]) -> Part:
    effect = side.effect
    assert effect is not None  # noqa: S101  the caller picks those
    rows = [_effect_row(_(EVERYBODY), effect)]
    rows += [
        _effect_row(groups.get((each.axis, each.group), each.group), each) for each in side.by_group
    ]
    return Part(
        key=f"{side.key}-{side.value}",
        name=f"{side.name}: {side.value.replace('-', ' ')}",
        finding=_finding(side, effect),
        explanation=_(
            "“%(value)s” means: %(meaning)s. The odds are those of the side of which it is "
            "said against the other, between contestants of the same skill. Verdicts of "
            "one rater hang together: the intervals are over raters."
        )
        % {"value": side.value.replace("-", " "), "meaning": side.meaning},
        notes=(),
        heads=(_("Raters"), _("#Odds ratio"), _("#95 % interval"), _("#Verdicts"), _("Stands")),
        rows=tuple(rows),
    )


def _finding(side: SideValue, effect: EffectFacts) -> str:
    doing = _doing(side)
    if not effect.is_enough:
        return _("Too few verdicts to say what it is worth if one side %(doing)s") % {
            "doing": doing
        }
    if not effect.stands:
        return _("That one side %(doing)s does not go clearly with people’s verdicts") % {
            "doing": doing
        }
    odds = _odds(abs(effect.log_odds))
    if effect.log_odds > 0:
        return _("A side that %(doing)s is preferred more often: odds %(odds)s to 1") % {
            "doing": doing,
            "odds": odds,
        }
    return _("A side that %(doing)s is preferred less often: odds %(odds)s to 1") % {
        "doing": doing,
        "odds": odds,
    }


def _effect_row(name: str, effect: EffectFacts) -> tuple[str, ...]:
    if not effect.is_enough:
        return name, "–", _(TOO_FEW), f"{effect.n:,}", "–"
    interval = _("%(low)s to %(high)s") % {"low": _odds(effect.low), "high": _odds(effect.high)}
    stands = _("yes") if effect.stands else _("no")
    return name, _odds(effect.log_odds), interval, f"{effect.n:,}", stands


def _odds(log_odds: float) -> str:
    """Log-odds as an odds ratio; beyond a hundred no digit means anything."""
    ratio = exp(min(log_odds, 10))
    return ">100" if ratio > MOST_ODDS else f"{ratio:.2f}"


def _share_parts(found: Labels, names: Mapping[str, str]) -> Iterator[Part]:
    """Who has which label how often, a part for each label."""
    for key in dict.fromkeys(side.key for side in found.sides):
        sides = [side for side in found.sides if side.key == key]
        rows = []
        for place, first in enumerate(sides[0].shares):
            cells = [_share_cell(side.shares[place].share, side, place) for side in sides]
            name = names.get(first.contestant, first.contestant)
            rows.append((name, *cells, f"{first.n:,}"))
        yield Part(
            key=f"{key}-shares",
            name=sides[0].name,
            finding=_("How often it is said of each contestant: %(name)s")
            % {"name": sides[0].name.lower()},
            explanation=_(
                "The share of a contestant’s labelled conversations with its 95 % "
                "interval. They are no ranking: contestants met different people with "
                "different questions."
            ),
            notes=(),
            heads=(
                _("Contestant"),
                *(f"#{side.value.replace('-', ' ')}" for side in sides),
                _("#Conversations"),
            ),
            rows=tuple(rows),
        )


def _share_cell(share: float, side: SideValue, place: int) -> str:
    if not isfinite(share):
        return "–"
    of = side.shares[place]
    return f"{percent(share)} ({of.low * 100:.0f}–{percent(of.high)})"


def _conversation_part(label: ConversationLabel) -> Part:
    apart = [value.value.replace("-", " ") for value in label.values if value.differs]
    finding = _("%(name)s: ties are about as frequent whatever it is") % {"name": label.name}
    if apart:
        finding = _("%(name)s: ties are clearly more or less frequent with %(apart)s") % {
            "name": label.name,
            "apart": listed(apart),
        }
    source = _("Read from messages, without a judge, of %(n)s verdicts’ conversations.") % {
        "n": f"{label.labelled:,}"
    }
    if label.is_of_judge:
        source = _("A judge says it, of %(n)s verdicts’ conversations.") % {
            "n": f"{label.labelled:,}"
        }
    return Part(
        key=label.key,
        name=label.name,
        finding=finding,
        explanation=f"{label.question} {source}",
        notes=(),
        heads=(
            _("Value"),
            _("#Verdicts"),
            _("#Ties"),
            _("#95 % interval"),
            _("Differs"),
            _("#Spread"),
        ),
        rows=tuple(map(_value_row, label.values)),
    )


def _value_row(value: ValueFacts) -> tuple[str, ...]:
    return (
        f"{value.value.replace('-', ' ')} ({value.meaning})",
        f"{value.n:,}",
        percent(value.ties),
        f"{value.ties_low * 100:.0f}–{percent(value.ties_high)}",
        _("yes") if value.differs else _("no"),
        signed(value.spread) if isfinite(value.spread) else _(TOO_FEW),
    )
