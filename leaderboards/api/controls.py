"""A study's ranking under controls over REST, for whoever may see its live figures."""

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from leaderboards.api.reports import DIMENSION, OfReport, responses
from leaderboards.errors import WrongEngineError
from leaderboards.pages.controls import Place, Raw, Switch, effect_in_words
from leaderboards.pages.robustness import RobustnessReport, robustness_report
from leaderboards.pages.robustness_parts import TriadLine
from leaderboards.ranking.controls import Effect
from leaderboards.reports import ROBUSTNESS
from leaderboards.services.controls import require_pairs
from leaderboards.services.robustness import OfBoard, Removal, Robustness, Variants


class _StandingOut(serializers.Serializer[Raw | Place]):
    contestant = serializers.SlugField()
    name = serializers.CharField()
    rank = serializers.IntegerField(source="standing.rank")
    rank_low = serializers.IntegerField(source="standing.rank_low")
    rank_high = serializers.IntegerField(source="standing.rank_high")
    skill = serializers.FloatField(source="standing.skill", help_text="In log-odds.")
    skill_low = serializers.FloatField(source="standing.low")
    skill_high = serializers.FloatField(source="standing.high")


class RawOut(_StandingOut):
    is_provisional = serializers.BooleanField()


class ControlledOut(_StandingOut):
    shift = serializers.IntegerField(help_text="By how many ranks it is lower than without.")
    is_warned = serializers.BooleanField(help_text="Whether it moves by more than 2 ranks.")


class EffectOut(serializers.Serializer[Effect]):
    key = serializers.CharField()
    words = serializers.SerializerMethodField()
    log_odds = serializers.FloatField(help_text="Of the step that the words name.")
    low = serializers.FloatField()
    high = serializers.FloatField()
    moves = serializers.BooleanField(help_text="False where no two sides differ in it.")

    def get_words(self, effect: Effect) -> str:
        return effect_in_words(effect)


class ControlOut(serializers.Serializer[Switch]):
    key = serializers.CharField(
        help_text="`style`, `position`, `duplicates`, `capped` or `without_axis:` and an axis."
    )
    name = serializers.CharField()
    explanation = serializers.CharField(help_text="What it does, in a sentence.")
    finding = serializers.CharField(help_text="What comes out.")
    notes = serializers.ListField(child=serializers.CharField())
    refusal = serializers.CharField(help_text="Why it is not computed; empty where it is.")
    worth = serializers.FloatField(help_text="Verdicts of equal weight that its own are worth.")
    effects = EffectOut(many=True)
    places = ControlledOut(many=True)


class OfBoardOut(serializers.Serializer[OfBoard]):
    id = serializers.UUIDField()
    input_digest = serializers.CharField()
    verdicts = serializers.IntegerField(help_text="How many it has on this dimension.")
    is_same_input = serializers.BooleanField(
        help_text="Whether what stands here rests on the very verdicts that the board does."
    )


class RemovalOut(serializers.Serializer[Removal]):
    count = serializers.IntegerField(help_text="As few as so many were found to be enough.")
    among = serializers.IntegerField()
    leader = serializers.SlugField(help_text="Who leads with them.")
    new_leader = serializers.SlugField(help_text="Who leads without them.")


class TriadOut(serializers.Serializer[TriadLine]):
    contestants = serializers.ListField(
        child=serializers.SlugField(),
        help_text="The first beats the second, that the third, and that the first, more often "
        "than their skills say.",
    )
    curl = serializers.FloatField(source="of.curl", help_text="By how much, in log-odds.")
    z = serializers.FloatField(source="of.z", help_text="That in standard deviations.")
    p_value = serializers.FloatField(source="of.p_value", help_text="Of the greatest of all.")


class CyclesOut(serializers.Serializer[RobustnessReport]):
    statistic = serializers.FloatField(source="found.cycles.statistic")
    degrees = serializers.IntegerField(source="found.cycles.degrees")
    p_value = serializers.FloatField(source="found.cycles.p_value")
    draws = serializers.IntegerField(
        source="found.cycles.draws", help_text="Simulated tournaments that p is by; 0 for χ²."
    )
    spread = serializers.FloatField(
        source="found.cycles.spread", help_text="Sd of the pairs’ own part, in log-odds."
    )
    triads = TriadOut(many=True)


class VariantsOut(serializers.Serializer[Variants]):
    developer = serializers.CharField(allow_blank=True)
    tried = serializers.IntegerField(help_text="How many contestants it entered.")
    best = serializers.SlugField(help_text="The one that looks best.")
    skill = serializers.FloatField(help_text="In log-odds.")
    corrected = serializers.FloatField(help_text="What is left of it, given how many there are.")
    low = serializers.FloatField()
    high = serializers.FloatField()
    by_chance = serializers.FloatField(
        help_text="By how much the best of so many equal ones would look better."
    )
    rank = serializers.IntegerField()
    corrected_rank = serializers.IntegerField()


class ControlsOut(serializers.Serializer[RobustnessReport]):
    dimension = serializers.SlugField(source="found.dimension")
    computed_at = serializers.DateTimeField(source="found.computed_at")
    board = OfBoardOut(
        source="found.board", allow_null=True, help_text="The board that stood by then."
    )
    verdicts = serializers.IntegerField(source="controls.verdicts")
    worth = serializers.FloatField(
        source="controls.worth", help_text="Verdicts of equal weight that they are worth."
    )
    answer = serializers.CharField(help_text="Whether the first place stands, in words.")
    warnings = serializers.ListField(source="controls.warnings", child=serializers.CharField())
    raw = RawOut(
        source="controls.raw",
        many=True,
        help_text="Without any control: the same model, not the boards’ own.",
    )
    controls = ControlOut(source="controls.switches", many=True)
    fewest_verdicts = RemovalOut(
        source="found.verdicts", allow_null=True, help_text="Null where none changes the leader."
    )
    fewest_raters = RemovalOut(source="found.raters", allow_null=True)
    cycles = CyclesOut(source="*")
    variants = VariantsOut(source="found.variants", many=True)


class ControlsDetail(OfReport):
    """Does the order hold if something else than merit is allowed for?"""

    @extend_schema(
        summary="Robustness of a study’s ranking",
        description="Each contestant's rank under each control beside its rank without any, all by "
        "one model; how few verdicts and raters the first place hangs on; whether people prefer in "
        "circles; and how many variants each developer entered. For whoever may see the study's "
        "live figures. Published boards are computed by another engine; this is a check beside "
        "them, computed as each is taken.",
        tags=["studies"],
        parameters=[DIMENSION],
        responses=responses(ControlsOut),
    )
    def get(self, request: Request, slug: str) -> Response:  # noqa: ARG002  `study` reads it
        try:
            require_pairs(self.study)
        except WrongEngineError as error:
            raise NotFound(str(error)) from error
        found = self.read(ROBUSTNESS, self.dimension().key, Robustness)
        if isinstance(found, Response):
            return found
        return Response(ControlsOut(robustness_report(self.study, found)).data)
