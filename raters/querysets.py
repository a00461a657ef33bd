"""What is read of raters and their verdicts, in sentences."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final, Self, TypeVar

from django.db import models
from django.db.models import (
    BooleanField,
    Case,
    Exists,
    ExpressionWrapper,
    F,
    OuterRef,
    Q,
    Value,
    When,
)

from raters.identities import RECRUITED, marks_of
from raters.judging.protocols import LABELLERS
from studies.models import Study, Task

if TYPE_CHECKING:
    from raters.models import Battle, Exclusion, JudgeRun, Participation, Rating, Strike, Verdict  # noqa: F401  named in the base classes below

Answer = TypeVar("Answer", bound=models.Model)

# What exclusions that are no rule name, as kinds of exclusions; the kind of a rule is itself.
NAMED: Final = ("participation", "battle")


class ExclusionQuerySet(models.QuerySet["Exclusion"]):
    """Exclusions by what they do now."""

    def active(self) -> Self:
        return self.filter(lifted_at__isnull=True)

    def by_raters(self) -> Self:
        """Those of raters who withdrew: nobody can lift them."""
        return self.filter(actor__isnull=True)

    def by_admins(self) -> Self:
        """Those that somebody decided, and can lift again."""
        return self.filter(actor__isnull=False)

    def kinds(self) -> set[str]:
        """What they name: "participation", "battle", or a rule."""
        named = [When(**{f"{kind}__isnull": False}, then=Value(kind)) for kind in NAMED]
        kind = Case(*named, default=F("rule"))
        return set(self.order_by().values_list(kind, flat=True).distinct())


class BattleQuerySet(models.QuerySet["Battle"]):
    """Battles by what became of them, and by what was said in them."""

    def taken_up(self, study: "Study") -> Self:
        """The study's battles that are judged or under way, to be counted in groups.

        Not those that came to nothing, that a rater has withdrawn, or that are checks.
        """
        is_judged = Q(judged_at__isnull=False)
        is_under_way = Q(participation__state__in=["reserved", "active"])
        found = self.filter(is_judged | is_under_way, participation__study=study)
        found = found.filter(attention_check__isnull=True)
        return found.exclude(participation__state="withdrawn").order_by()

    def put_away(self) -> Self:
        """Those whose sensitive topic their raters did not want to talk of, and had another for.

        Never judged, with a later one after it, and not because a side failed.
        """
        rest = self.model._default_manager.filter(participation=OuterRef("participation"))
        return self.filter(
            Exists(rest.filter(pk__gt=OuterRef("pk"))),
            ~Q(pk__in=self.model._default_manager.filter(turns__replies__state="failed")),
            judged_at__isnull=True,
            task__area=Task.SENSITIVE,
        )

    def marked(self) -> Self:
        """Those in which a model may not have stayed hidden: it was asked who it is, or said so."""
        telling = Q(turns__is_identity_probe=True) | Q(turns__replies__masked__gt=0)
        return self.filter(pk__in=self.model._default_manager.filter(telling).values("pk"))


class _OnDimensions(models.QuerySet[Answer]):
    """What raters say of a battle on a dimension, by study and by what counts."""

    def of(self, study: "Study") -> Self:
        return self.filter(dimension__study=study)

    def countable(self, study: "Study") -> Self:
        """The study's, attention checks aside: what a rater says of these no board ever counts."""
        found = self.of(study)
        if not study.checks.filter(battles__isnull=False).exists():
            # Spares the database a look at the battle of every one of them.
            return found
        return found.filter(battle__attention_check__isnull=True)

    def counting(self, study: "Study", *, exclusions: ExclusionQuerySet | None = None) -> Self:
        """The study's, as boards count them: those that no active exclusion leaves out.

        `exclusions` are those that apply, where it is not all active ones.
        """
        applied = study.exclusions.active() if exclusions is None else exclusions
        found = self.countable(study)
        for kind in sorted(applied.kinds()):
            found = found.filter(~is_left_out(kind, applied))
        return found

    def told_what_counts(self, study: "Study") -> Self:
        """With `counts`: whether boards count it, as `counting` would leave it in."""
        applied = study.exclusions.active()
        counts = Q(dimension__study=study, battle__attention_check__isnull=True)
        for kind in sorted(applied.kinds()):
            counts &= Q(~is_left_out(kind, applied))
        return self.annotate(counts=ExpressionWrapper(counts, BooleanField()))

    def left_out(self, kind: str, exclusions: ExclusionQuerySet) -> Self:
        """Those that exclusions of this kind leave out, whatever others do."""
        return self.filter(is_left_out(kind, exclusions))


def is_left_out(kind: str, exclusions: ExclusionQuerySet) -> Q | Exists:
    """Whether exclusions of a kind leave a verdict or rating out: a condition on it.

    What somebody named is a short list, which is asked for once. What raters did may be long: it
    is looked up battle by battle, since PostgreSQL goes through a list that outgrows its memory
    again for every verdict. Raises KeyError for a kind that is none.
    """
    from raters.models import Reply, Turn  # they are made of the query sets here

    named = {
        kind: exclusions.filter(**{f"{kind}__isnull": False}).order_by().values(kind)
        for kind in NAMED
    }
    conditions: dict[str, Q | Exists] = {
        "participation": Q(battle__participation__in=named["participation"]),
        "battle": Q(battle__in=named["battle"]),
        "struck_out": Q(battle__participation__state="struck_out"),
        "unfinished": ~Q(battle__participation__state="completed"),
        "leaks": Exists(Reply.objects.filter(turn__battle=OuterRef("battle"), masked__gt=0)),
        "probes": Exists(Turn.objects.filter(battle=OuterRef("battle"), is_identity_probe=True)),
    }
    return conditions[kind]


class VerdictQuerySet(_OnDimensions["Verdict"]):
    """Verdicts, of studies that compare two models."""


class RatingQuerySet(_OnDimensions["Rating"]):
    """Ratings, of studies of one model at a time."""


class StrikeQuerySet(models.QuerySet["Strike"]):
    """Strikes by what they do now."""

    def active(self) -> Self:
        """Those that count: no reviewer has overturned them."""
        return self.exclude(decision="overturned")

    def awaiting_review(self) -> Self:
        """Those that nobody has decided, or that the rater objected to after somebody had."""
        is_heard_since = Q(objected_at__gt=F("decided_at")) & ~Q(decision="overturned")
        return self.filter(Q(decision="") | is_heard_since)


class ParticipationQuerySet(models.QuerySet["Participation"]):
    """Participations by whose they are, and by what is still to be done about them."""

    def named(self, study: "Study", recruiting_id: str, *, source: str = RECRUITED) -> Self:
        """Hers in one study whom `source` calls so: one at most."""
        marks = marks_of(study.pk, recruiting_id, source=source)
        return self.filter(study=study, identity_mark__in=marks)

    def named_anywhere(self, recruiting_id: str, *, sources: Iterable[str] = (RECRUITED,)) -> Self:
        """Hers in all studies. Without the key nobody could tell that they are one person's."""
        studies = list(Study.objects.order_by().values_list("pk", flat=True))
        marks = [
            mark
            for study in studies
            for source in sources
            for mark in marks_of(study, recruiting_id, source=source)
        ]
        return self.filter(study__in=studies, identity_mark__in=marks)

    def awaiting_review(self) -> Self:
        """Those that were struck out, by strikes that a person has yet to look at.

        Until then nothing is decided about their pay.
        """
        from raters.models import Strike  # it is made of the query sets here

        waiting = Strike.objects.awaiting_review().values("participation")
        return self.filter(state="struck_out", pk__in=waiting)


class JudgeRunQuerySet(models.QuerySet["JudgeRun"]):
    """Runs of judges by what they say."""

    def judging(self) -> Self:
        """Those that say who is better, or how good one is."""
        return self.exclude(judge__protocol__in=LABELLERS)

    def labelling(self) -> Self:
        """Those that call conversations something, and rank nobody."""
        return self.filter(judge__protocol__in=LABELLERS)
