"""A study's topics over REST, for whoever may see its live figures."""

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from leaderboards.errors import NothingToRankError
from leaderboards.ranking.errors import RankingError
from leaderboards.ranking.swiss import Profile
from leaderboards.topics import Level, Place, SwissLine, TopicLine, TopicsPage, read_topics
from studies.api import OfLiveStudy

LEVELS = [level.value for level in Level]


class TopicPlaceOut(serializers.Serializer[Place]):
    contestant = serializers.SlugField()
    name = serializers.CharField()
    battles = serializers.IntegerField()
    is_enough = serializers.BooleanField(
        help_text="Whether it was in enough battles there to be placed; if not, what is said of "
        "it comes from other topics."
    )
    rank = serializers.IntegerField()
    rank_low = serializers.IntegerField()
    rank_high = serializers.IntegerField()
    skill = serializers.FloatField(help_text="In log-odds.")
    skill_low = serializers.FloatField(source="low")
    skill_high = serializers.FloatField(source="high")


class TopicOut(serializers.Serializer[TopicLine]):
    name = serializers.CharField(source="topic.name")
    weight = serializers.FloatField(
        source="topic.weight",
        help_text="Its part of the overall ranking, by the quotas of its tasks.",
    )
    battles = serializers.IntegerField(source="topic.battles")
    places = TopicPlaceOut(many=True)


class SwissOut(serializers.Serializer[SwissLine]):
    contestant = serializers.SlugField()
    name = serializers.CharField()
    score = serializers.FloatField(help_text="Expected share of points, without eliminations.")
    score_low = serializers.FloatField(source="low")
    score_high = serializers.FloatField(source="high")
    score_most = serializers.FloatField(help_text="With the greatest eliminations.")
    wins = serializers.FloatField(help_text="Probability of most points, without eliminations.")
    wins_most = serializers.FloatField(help_text="With the greatest eliminations.")
    rank = serializers.FloatField(help_text="Expected rank, without eliminations.")
    rank_most = serializers.FloatField(help_text="With the greatest eliminations.")
    sensitivity = serializers.FloatField(
        help_text="How many more places a weak opening costs with the greatest eliminations than "
        "without, as a negative number."
    )
    error = serializers.FloatField(help_text="Standard error of simulation of that.")
    profile = serializers.ChoiceField([profile.value for profile in Profile])


class TopicsOut(serializers.Serializer[TopicsPage]):
    dimension = serializers.SlugField(source="dimension.key")
    level = serializers.ChoiceField(LEVELS)
    levels = serializers.ListField(
        child=serializers.CharField(), help_text="Those on which there are other topics."
    )
    answer = serializers.CharField(help_text="Who is a specialist and who a generalist, in words.")
    tau = serializers.FloatField(
        source="pooled.tau", help_text="How much skills differ between topics, an sd in log-odds."
    )
    tau_low = serializers.FloatField(source="pooled.tau_low")
    tau_high = serializers.FloatField(source="pooled.tau_high")
    left_out = serializers.IntegerField(help_text="Verdicts on battles without a task.")
    overall = TopicPlaceOut(many=True)
    topics = TopicOut(source="lines", many=True)
    rounds = serializers.IntegerField(source="contests.rounds")
    contests = serializers.IntegerField(source="contests.runs", help_text="Simulated at each.")
    eliminations = serializers.ListField(
        source="contests.eliminations",
        child=serializers.FloatField(),
        help_text="What part of the field is eliminated after each round.",
    )
    swiss = SwissOut(many=True)


class TopicsDetail(OfLiveStudy):
    """Who is good at what, and who everywhere?"""

    parameters = ("dimension", "level")

    @extend_schema(
        summary="Topics of a study",
        description="Each contestant's rank and skill in each topic of the study's tasks, drawn "
        "towards all topics together where there is little evidence, and what simulated Swiss "
        "contests over the topics come to, computed now from the raters as they came: for whoever "
        "may see the study's live figures. It takes some seconds.",
        tags=["studies"],
        parameters=[
            OpenApiParameter("dimension", str, description="A dimension's key; else the overall."),
            OpenApiParameter(
                "level", str, enum=LEVELS, description="Where the tree of tasks is cut."
            ),
        ],
        responses=TopicsOut,
    )
    def get(self, request: Request, slug: str) -> Response:  # noqa: ARG002  `study` reads it
        level = self.asked("level", LEVELS)
        try:
            page = read_topics(
                self.study, dimension=self.asked_dimension(), level=Level(level) if level else None
            )
        except (NothingToRankError, RankingError) as error:
            raise NotFound(str(error)) from error
        return Response(TopicsOut(page).data)
