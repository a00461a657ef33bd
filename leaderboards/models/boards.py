"""Published boards. Written once; the database refuses any change afterwards."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from leaderboards.querysets import BoardQuerySet
from leaderboards.ranking.boards import Engine, Scope
from studies.models import Contestant, Study

ENGINE_NAMES = {
    Engine.DAVIDSON.value: "Davidson",
    Engine.TRUESKILL.value: "TrueSkill",
    Engine.RATINGS.value: gettext_lazy("Ratings"),
}
SCOPE_NAMES = {
    Scope.ELECTORATE.value: gettext_lazy("the electorate, merged from the groups"),
    Scope.GROUP.value: gettext_lazy("one group"),
    Scope.SAMPLE.value: gettext_lazy("the raters as they came"),
}


class Board(models.Model):
    """A published, dated snapshot of standings: all dimensions and groups of a study at once.

    Its sections and rows are written first and the board last, in one transaction: from then on
    triggers refuse another row, a change or a deletion of any of them. A newer board supersedes
    it; a `BoardWithdrawal` withdraws it with a reason. `document` is its public export, from
    which it can be recomputed.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    study = models.ForeignKey(Study, models.PROTECT, related_name="boards")
    engine = models.CharField(max_length=10, choices=ENGINE_NAMES)
    parameters = models.JSONField()
    code_version = models.CharField(max_length=50)
    input_digest = models.CharField(max_length=64)
    document = models.BinaryField(editable=False)
    taken_at = models.DateTimeField()
    first_battle_at = models.DateTimeField()
    last_battle_at = models.DateTimeField()
    taken_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+"
    )
    raters = models.PositiveIntegerField()
    verdicts = models.PositiveIntegerField()
    exclusions = models.PositiveIntegerField()
    supersedes = models.OneToOneField(
        "self", models.PROTECT, null=True, related_name="superseded_by"
    )

    objects = BoardQuerySet.as_manager()

    class Meta:
        ordering = ["-taken_at", "pk"]
        constraints = [
            models.CheckConstraint(condition=~Q(code_version=""), name="board_has_code_version"),
        ]

    def __str__(self) -> str:
        return f"{self.study}, {self.taken_at:%Y-%m-%d %H:%M}"

    @property
    def is_of_ratings(self) -> bool:
        """Whether it ranks ratings, and not verdicts; `verdicts` then counts these."""
        return self.engine == Engine.RATINGS

    @property
    def answers(self) -> str:
        """What its raters gave, in a word."""
        return _("ratings") if self.is_of_ratings else _("verdicts")


class BoardSection(models.Model):
    """One table of a board: a dimension for one group, for the electorate, or for the sample.

    Names are copies, so that a later correction of a name does not rewrite what was published.
    `refusal` says why there are no rows, where the verdicts allow no ranking.
    """

    board = models.ForeignKey(Board, models.PROTECT, related_name="sections")
    scope = models.CharField(max_length=10, choices=SCOPE_NAMES)
    dimension_key = models.SlugField()
    dimension_name = models.CharField(max_length=100)
    axis_key = models.SlugField(blank=True)
    axis_name = models.CharField(max_length=100, blank=True)
    group_key = models.SlugField(blank=True)
    group_name = models.CharField(max_length=100, blank=True)
    raters = models.PositiveIntegerField()
    battles = models.PositiveIntegerField()
    fit = models.JSONField(help_text=gettext_lazy("The numbers of this section's model, by name."))
    refusal = models.TextField(blank=True)

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                F("board"),
                F("scope"),
                F("dimension_key"),
                F("axis_key"),
                F("group_key"),
                name="one_section_per_dimension_and_group",
            ),
            models.CheckConstraint(
                condition=Q(scope="group") ^ Q(axis_key="", group_key=""),
                name="only_group_sections_name_a_group",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.dimension_name}, {self.group_name or self.get_scope_display()}"


class BoardRow(models.Model):
    """A contestant's place in one section: score with its 95 % interval, ranks, counts.

    `battles` are ratings where one model at a time is rated; these know no wins, losses or ties.
    """

    section = models.ForeignKey(BoardSection, models.PROTECT, related_name="rows")
    contestant = models.ForeignKey(Contestant, models.PROTECT, related_name="board_rows")
    name = models.CharField(max_length=200)
    developer = models.CharField(max_length=200, blank=True)
    rank = models.PositiveSmallIntegerField()
    rank_low = models.PositiveSmallIntegerField()
    rank_high = models.PositiveSmallIntegerField()
    score = models.FloatField()
    score_low = models.FloatField()
    score_high = models.FloatField()
    win_share = models.FloatField()
    p_best = models.FloatField()
    battles = models.PositiveIntegerField()
    wins = models.PositiveIntegerField(null=True)
    losses = models.PositiveIntegerField(null=True)
    ties = models.PositiveIntegerField(null=True)
    is_provisional = models.BooleanField()

    class Meta:
        ordering = ["section", "rank"]
        constraints = [
            models.UniqueConstraint(
                F("section"), F("contestant"), name="one_row_per_section_and_contestant"
            ),
            models.CheckConstraint(
                condition=Q(score_low__lte=F("score"), score_high__gte=F("score")),
                name="score_lies_in_its_interval",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.rank}. {self.name}"

    @property
    def is_rating(self) -> bool:
        """Whether its score is a mean rating: then it knows no wins, losses or ties."""
        return self.wins is None


class BoardWithdrawal(models.Model):
    """Why a published board is no longer stood by. The board itself stays."""

    board = models.OneToOneField(Board, models.PROTECT, related_name="withdrawal")
    reason = models.TextField()
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    withdrawn_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=~Q(reason=""), name="withdrawal_has_reason"),
        ]

    def __str__(self) -> str:
        return self.reason
