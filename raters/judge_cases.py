"""Reads what judges are shown of a battle. Who the sides are is not in it."""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.translation import gettext as _

from raters.errors import JudgeError
from raters.judging.cases import Case, Exchange, Question
from raters.judging.settings import Settings
from raters.models import Battle, Reply, Turn
from raters.shown import names_to_hide, shown_text
from studies.models import Study


def judgeable_battles(study: Study) -> QuerySet[Battle]:
    """A study's battles that raters have judged and whose words are still there, checks aside."""
    said = Turn.objects.filter(battle=OuterRef("pk"), is_erased=False)
    unfinished = Reply.objects.filter(~Q(state=Reply.State.FINISHED), turn__battle=OuterRef("pk"))
    judged = Battle.objects.filter(
        participation__study=study, judged_at__isnull=False, attention_check=None
    )
    return judged.filter(Exists(said), ~Exists(unfinished)).order_by("pk")


def read_questions(study: Study) -> tuple[Question, ...]:
    """What a study's raters are asked, in the order of its dimensions."""
    return tuple(
        Question(each.key, each.name, each.question, each.help)
        for each in study.dimensions.order_by("position", "key")
    )


def read_case(battle: Battle, *, others: Sequence[Battle] = ()) -> Case:
    """The conversation of a battle as its rater saw it, names of models masked as for her.

    `others` are battles on the same task, of which each side is a conversation to rank along.
    Raises JudgeError where words have been erased.
    """
    study = battle.participation.study
    names = names_to_hide(study)
    found = read_exchanges((battle, *others), names)
    if not found[battle.pk]:
        raise JudgeError(
            _("Battle %(battle)s has no words any more: its rater withdrew.")
            % {"battle": battle.pk}
        )
    task = "\n\n".join(filter(None, (study.task, battle.task.text if battle.task else "")))
    return Case(
        task=task,
        exchanges=found[battle.pk],
        reference=battle.task.reference if battle.task else "",
        others=tuple(
            tuple(Exchange(each.message, (reply,)) for each, reply in zip(said, side, strict=True))
            for other in others
            for said in (found[other.pk],)
            for side in zip(*(each.replies for each in said), strict=True)
        ),
    )


def with_examples(settings: Settings) -> Settings:
    """A judge's settings with the words of examples that name a battle, masked as for its rater.

    An example whose rater has taken her words back is left out.
    """
    wanted = [each.battle for each in settings.examples if each.battle is not None]
    if not wanted:
        return settings
    found = Battle.objects.filter(pk__in=wanted).select_related("participation__study")
    by_study = defaultdict(list)
    for battle in found:
        by_study[battle.participation.study].append(battle)
    said: dict[int, tuple[Exchange, ...]] = {}
    for study, battles in by_study.items():
        said |= read_exchanges(battles, names_to_hide(study))
    return settings.showing(said)


def read_fillers(battle: Battle, *, wanted: int, seed: int) -> list[Battle]:
    """Other battles on the same task, drawn by seed, whose sides make `wanted` conversations.

    None where there are no tasks to share, or no other battle.
    """
    if wanted < 1 or battle.task_id is None:
        return []
    same = judgeable_battles(battle.participation.study).filter(task=battle.task_id)
    ids = list(same.exclude(pk=battle.pk).values_list("pk", flat=True))
    count = min(len(ids), (wanted + 1) // 2)
    drawn = np.random.default_rng([seed, battle.pk]).choice(len(ids), count, replace=False)
    return list(Battle.objects.filter(pk__in=[ids[place] for place in drawn.tolist()]))


def read_exchanges(
    battles: Sequence[Battle], names: frozenset[str]
) -> dict[int, tuple[Exchange, ...]]:
    """What was said in battles, by battle; nothing of one in which a reply is missing."""
    turns = Turn.objects.filter(battle__in=battles, is_erased=False)
    found: defaultdict[int, list[Exchange]] = defaultdict(list)
    for turn in turns.order_by("battle", "number").prefetch_related("replies"):
        replies = sorted(turn.replies.all(), key=lambda reply: reply.side)
        if any(reply.state != Reply.State.FINISHED for reply in replies) or not replies:
            continue
        shown = tuple(shown_text(reply.state, reply.text, names).text for reply in replies)
        found[turn.battle_id].append(Exchange(turn.text, shown))
    return {battle.pk: tuple(found[battle.pk]) for battle in battles}
