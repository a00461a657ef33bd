"""What the page of a study's sampling shows: the audit in sentences, and shares as bars. Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from leaderboards.pages.tables import Scale
from leaderboards.pages.words import listed, percent
from leaderboards.ranking.audit import ENOUGH, GINI_LIMIT, Alarm, Concern
from leaderboards.sampling import ContestantSampling, DayShare, Sampling
from studies.graph import Part
from studies.models import Contestant

# Days that are shown without a click.
DAYS_SHOWN: Final = 14


@dataclass(frozen=True)
class AlarmLine:
    """An alarm in a sentence, and the contestants that it names."""

    concern: Concern
    sentence: str
    contestants: tuple[Contestant, ...]

    @property
    def key(self) -> str:
        """The concern's name for programs."""
        return self.concern.name.lower()


@dataclass(frozen=True)
class ShareLine:
    """A contestant in the table: its bar ends at `end`, an SVG length."""

    of: ContestantSampling
    end: str
    share: str
    of_equal: str
    side_a: str


@dataclass(frozen=True)
class DayLine:
    """A day in the table: who was in most of its battles, and who in fewest.

    Of those that stood from its first battle to its last; nobody where nobody did.
    """

    day: str
    battles: int
    most: str
    fewest: str


@dataclass(frozen=True)
class DeveloperLine:
    """A developer in the table."""

    name: str
    contestants: int
    share: str


@dataclass(frozen=True)
class SamplingPage:
    """Everything on the page of a study's sampling.

    The scale is in per cent of all battles, and `days` are the last ones, the newest first.
    """

    sampling: Sampling
    verdict: str
    alarms: tuple[AlarmLine, ...]
    scale: Scale
    contestants: tuple[ShareLine, ...]
    developers: tuple[DeveloperLine, ...]
    days: tuple[DayLine, ...]
    cap: str
    floor: str
    connection: str

    @property
    def is_early(self) -> bool:
        """Whether there are so few battles that shares are mostly chance."""
        seats = sum(each.battles for each in self.sampling.contestants)
        return seats < ENOUGH * len(self.sampling.contestants)


def sampling_page(sampling: Sampling) -> SamplingPage:
    """Say what a study's sampling shows."""
    alarms = alarm_lines(sampling)
    seats = 1 if sampling.is_single else 2
    equal = 100 * seats / max(len(sampling.contestants), 1)
    top = max([equal, *(100 * each.share for each in sampling.contestants)]) * 1.04
    scale = Scale(0.0, top, equal)
    return SamplingPage(
        sampling=sampling,
        verdict=_verdict(sampling, alarms),
        alarms=alarms,
        scale=scale,
        contestants=tuple(_share_line(each, scale) for each in sampling.contestants),
        developers=tuple(
            DeveloperLine(each.name, each.contestants, percent(each.share, decimals=1))
            for each in sampling.developers
        ),
        days=tuple(
            DayLine(
                date_format(each.day, "DATE_FORMAT"),
                each.battles,
                *_extremes([share for share in each.shares if share.is_whole_day]),
            )
            for each in reversed(sampling.days[-DAYS_SHOWN:])
        ),
        cap=percent(sampling.cap),
        floor=percent(sampling.rules.floor),
        connection=_connection(sampling),
    )


def alarm_lines(sampling: Sampling) -> tuple[AlarmLine, ...]:
    """The alarms in sentences that a person understands; none before the first battle."""
    if not sampling.battles:
        return ()
    contestants = [each.contestant for each in sampling.contestants]
    return tuple(
        AlarmLine(
            alarm.concern,
            SENTENCES[alarm.concern](sampling, alarm),
            tuple(contestants[k] for k in alarm.contestants),
        )
        for alarm in sampling.audit.alarms
    )


def _names(sampling: Sampling, contestants: Sequence[int]) -> list[str]:
    return [sampling.contestants[k].contestant.name for k in contestants]


def _over_cap(sampling: Sampling, alarm: Alarm) -> str:
    said = []
    for k in alarm.contestants:
        over = [(day, day.shares[k]) for day in sampling.days if day.shares[k].is_over_cap]
        day, worst = max(over, key=lambda each: each[1].share)
        on, share = date_format(day.day, "DATE_FORMAT"), percent(worst.share)
        if len(over) > 1:
            said.append(
                _(
                    "%(contestant)s was in %(share)s of the battles of %(on)s and over the cap "
                    "on %(over)s days in all."
                )
                % {"contestant": worst.contestant, "share": share, "on": on, "over": len(over)}
            )
        else:
            said.append(
                _("%(contestant)s was in %(share)s of the battles of %(on)s.")
                % {"contestant": worst.contestant, "share": share, "on": on}
            )
    said.append(_("The cap is %(cap)s of a day’s battles.") % {"cap": percent(sampling.cap)})
    return " ".join(said)


def _under_floor(sampling: Sampling, alarm: Alarm) -> str:
    had = [
        _("%(contestant)s had %(share)s")
        % {"contestant": each.contestant, "share": percent(each.of_equal or 0.0)}
        for each in (sampling.contestants[k] for k in alarm.contestants)
    ]
    return _(
        "%(had)s of an equal share of the battles while taking part. The floor is %(floor)s."
    ) % {"had": listed(had), "floor": percent(sampling.rules.floor)}


def _unequal(sampling: Sampling, _alarm: Alarm) -> str:
    return _(
        "Battles are spread very unequally: the Gini coefficient is %(gini)s, above %(limit)s."
    ) % {"gini": f"{sampling.audit.exposure.gini:.2f}", "limit": f"{GINI_LIMIT:.2f}"}


def _one_sided(sampling: Sampling, alarm: Alarm) -> str:
    shown = [
        _("%(contestant)s was side A in %(share)s of its battles")
        % {"contestant": each.contestant, "share": percent(each.side_a or 0.0)}
        for each in (sampling.contestants[k] for k in alarm.contestants)
    ]
    return _("%(shown)s: further from half than chance explains.") % {"shown": listed(shown)}


def _disconnected(sampling: Sampling, alarm: Alarm) -> str:
    unmet = [k for k in alarm.contestants if not sampling.contestants[k].battles]
    parts = _met_parts(sampling)
    said = []
    if len(parts) > 1:
        named = "; ".join(", ".join(_names(sampling, part)) for part in parts)
        said.append(
            _(
                "Those that take part fall into %(parts)s parts that never met, not even "
                "by way of others: %(named)s."
            )
            % {"parts": len(parts), "named": named}
        )
    if unmet:
        names = listed(_names(sampling, unmet))
        said.append(
            ngettext(
                "%(names)s has not met anybody yet.",
                "%(names)s have not met anybody yet.",
                len(unmet),
            )
            % {"names": names}
        )
    return " ".join(said)


def _met_parts(sampling: Sampling) -> tuple[Part, ...]:
    """The parts without those that have met nobody yet."""
    met = {k for k, each in enumerate(sampling.contestants) if each.battles}
    return tuple(part for part in sampling.audit.parts if met & set(part))


def _holds_together(sampling: Sampling, alarm: Alarm) -> str:
    names = _names(sampling, alarm.contestants)
    if len(names) == 1:
        return _("Withdrawing %(names)s would cut others off: only battles with it link them.") % {
            "names": names[0]
        }
    return _(
        "Withdrawing any one of these would cut others off, since only battles with it "
        "link them: %(names)s."
    ) % {"names": listed(names)}


SENTENCES: Final[Mapping[Concern, Callable[[Sampling, Alarm], str]]] = {
    Concern.OVER_CAP: _over_cap,
    Concern.UNDER_FLOOR: _under_floor,
    Concern.UNEQUAL: _unequal,
    Concern.ONE_SIDED: _one_sided,
    Concern.DISCONNECTED: _disconnected,
    Concern.HOLDS_TOGETHER: _holds_together,
}


def _verdict(sampling: Sampling, alarms: Sequence[AlarmLine]) -> str:
    if alarms:
        count = len(alarms)
        return (
            _("One thing stands out.")
            if count == 1
            else _("%(count)s things stand out.") % {"count": count}
        )
    if sampling.is_single:
        return _("Nothing stands out: everybody had at least the floor, and shares are even.")
    return _(
        "Nothing stands out: nobody is over the cap or under the floor, sides are "
        "balanced, and battles link all that take part."
    )


def _connection(sampling: Sampling) -> str:
    parts, holders = _met_parts(sampling), sampling.audit.holders
    if len(parts) > 1:
        return _("%(parts)s parts that never met") % {"parts": len(parts)}
    everybody = _("all") if parts == sampling.audit.parts else _("all that have met anybody")
    return (
        _("%(everybody)s, some by one only") if holders else _("%(everybody)s, whoever withdraws")
    ) % {"everybody": everybody}


def _share_line(each: ContestantSampling, scale: Scale) -> ShareLine:
    return ShareLine(
        of=each,
        end=scale.position(100 * each.share),
        share=percent(each.share, decimals=1),
        of_equal="–" if each.of_equal is None else percent(each.of_equal),
        side_a="–" if each.side_a is None else percent(each.side_a),
    )


def _extremes(shares: Sequence[DayShare]) -> tuple[str, str]:
    if not shares:
        return "–", "–"
    most = max(shares, key=lambda each: each.share)
    fewest = min(shares, key=lambda each: each.share)
    if most.battles == fewest.battles:
        return _("all alike, %(share)s") % {"share": percent(most.share)}, "–"
    return _with_share(most), _with_share(fewest)


def _with_share(each: DayShare) -> str:
    return f"{each.contestant.name}, {percent(each.share)}"
