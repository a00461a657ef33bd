"""The audit of a study's sampling over REST, for whoever sees the study."""

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from leaderboards.pages.sampling import AlarmLine, SamplingPage, sampling_page
from leaderboards.ranking.audit import Concern
from leaderboards.sampling import (
    ContestantSampling,
    DaySampling,
    DayShare,
    DeveloperSampling,
    read_sampling,
)
from studies.api import OfStudy
from studies.models import Study

CONCERNS = [(concern.name.lower(), concern.value) for concern in Concern]


class AlarmOut(serializers.Serializer[AlarmLine]):
    concern = serializers.ChoiceField(CONCERNS, source="key")
    sentence = serializers.CharField()
    contestants = serializers.SerializerMethodField(help_text="The slugs of those it names.")

    def get_contestants(self, line: AlarmLine) -> list[str]:
        return [contestant.slug for contestant in line.contestants]


class ContestantSamplingOut(serializers.Serializer[ContestantSampling]):
    contestant = serializers.SlugField(source="contestant.slug")
    name = serializers.CharField(source="contestant.name")
    developer = serializers.CharField(source="contestant.chat_model.developer")
    withdrawn_at = serializers.DateTimeField(source="contestant.withdrawn_at", allow_null=True)
    battles = serializers.IntegerField()
    share = serializers.FloatField(help_text="The part of all battles that it is in.")
    of_equal = serializers.FloatField(
        allow_null=True,
        help_text="Its battles by an equal share of all battles, both on the days on which it took "
        "part from the first battle to the last; null without such days.",
    )
    side_a = serializers.FloatField(
        allow_null=True, help_text="The part of its battles in which it was side A."
    )


class DeveloperSamplingOut(serializers.Serializer[DeveloperSampling]):
    name = serializers.CharField()
    contestants = serializers.IntegerField()
    share = serializers.FloatField(
        help_text="The part of all battles that any contestant of it is in."
    )


class DayShareOut(serializers.Serializer[DayShare]):
    contestant = serializers.SlugField(source="contestant.slug")
    battles = serializers.IntegerField()
    share = serializers.FloatField(help_text="The part of the day's battles that it is in.")
    is_over_cap = serializers.BooleanField()


class DaySamplingOut(serializers.Serializer[DaySampling]):
    day = serializers.DateField(help_text="By UTC.")
    battles = serializers.IntegerField()
    contestants = DayShareOut(source="shares", many=True)


class SamplingOut(serializers.Serializer[SamplingPage]):
    protocol = serializers.ChoiceField(Study.Protocol.choices, source="sampling.study.protocol")
    battles = serializers.IntegerField(source="sampling.battles")
    cap = serializers.FloatField(
        source="sampling.cap",
        help_text="The largest part of a day's battles that one contestant may be in.",
    )
    floor = serializers.FloatField(
        source="sampling.rules.floor",
        help_text="The part of an equal share that every contestant is to have.",
    )
    gini = serializers.FloatField(
        source="sampling.audit.exposure.gini",
        help_text="Gini coefficient of the contestants' parts of an equal share: 0 if all had as "
        "much.",
    )
    pair_lead = serializers.IntegerField(
        source="sampling.audit.pair_lead",
        help_text="How much oftener than the other one of a pair was side A, at most.",
    )
    parts = serializers.SerializerMethodField(
        help_text="Contestants that take part, by slug, in parts that battles link, the largest "
        "first. Where one model at a time is rated there are none."
    )
    holders = serializers.SerializerMethodField(
        help_text="The slugs of those whose withdrawal would split a part."
    )
    alarms = AlarmOut(many=True)
    contestants = ContestantSamplingOut(source="sampling.contestants", many=True)
    developers = DeveloperSamplingOut(source="sampling.developers", many=True)
    days = DaySamplingOut(source="sampling.days", many=True)

    def get_parts(self, page: SamplingPage) -> list[list[str]]:
        return [self._slugs(page, part) for part in page.sampling.audit.parts]

    def get_holders(self, page: SamplingPage) -> list[str]:
        return self._slugs(page, page.sampling.audit.holders)

    def _slugs(self, page: SamplingPage, indices: tuple[int, ...]) -> list[str]:
        return [page.sampling.contestants[k].contestant.slug for k in indices]


class SamplingDetail(OfStudy):
    """Was sampling fair?"""

    @extend_schema(
        summary="Sampling of a study",
        description="How its battles were spread over contestants, developers, days and sides, "
        "what links the contestants, and what stands out. Counted now are battles that were "
        "judged or are under way; not attention checks, nor what raters have withdrawn.",
        tags=["studies"],
        responses=SamplingOut,
    )
    def get(self, request: Request, slug: str) -> Response:  # noqa: ARG002  `study` reads it
        return Response(SamplingOut(sampling_page(read_sampling(self.study))).data)
