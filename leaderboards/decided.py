"""Reads the pairs that a study's raters have decided, as what chat models are asked about them."""

import hashlib
from collections.abc import Mapping, Sequence, Sized
from typing import Final

import numpy as np
from django.utils.translation import gettext as _

from leaderboards.comparison.criteria import Choices
from leaderboards.conversations import battles_with_words, read_conversations
from leaderboards.errors import CriteriaError
from leaderboards.ranking.outcomes import FloatArray
from raters.judging.cases import SIDES, Case, Question
from raters.judging.proposals.pairs import Pair
from raters.models import Outcome, Verdict
from studies.models import Dimension, Study

# Words of no more battles are read: so many are enough to deal parts from.
MOST_READ: Final = 1_000
# Of one part.
FEWEST_PAIRS: Final = 10
MOST_PAIRS: Final = 100
DECIDED: Final = {Outcome.A.value: SIDES[0], Outcome.B.value: SIDES[1]}


def question_of(dimension: Dimension) -> Question:
    """A dimension as raters are asked about it."""
    return Question(dimension.key, dimension.name, dimension.question, dimension.help)


def read_pairs(dimension: Dimension, *, seed: int) -> list[Pair]:
    """The battles whose verdict on a dimension counts and is no tie, as far as words are there.

    Of many a sample, drawn by seed.
    """
    study = dimension.study
    counting = Verdict.objects.counting(study).filter(dimension=dimension, outcome__in=DECIDED)
    with_words = battles_with_words(study).order_by().values("pk")
    found = dict(counting.filter(battle__in=with_words).values_list("battle_id", "outcome"))
    drawn = sorted(found, key=lambda battle: _drawn(seed, battle))[:MOST_READ]
    texts: dict[int | None, str] = dict(study.tasks.values_list("pk", "text"))
    return [
        Pair(
            key=battle.pk,
            rater=str(battle.participation.rater_id),
            conversation=battle.conversation or f"battle {battle.pk}",
            case=Case(
                task="\n\n".join(filter(None, (study.task, texts.get(battle.task_id, "")))),
                exchanges=exchanges,
            ),
            preferred=DECIDED[found[battle.pk]],
            reason=battle.reason,
        )
        for battle, exchanges in read_conversations(study, drawn)
    ]


def require_sizes(*sizes: int) -> None:
    """CriteriaError for parts that are too small to say anything, or too large to be asked."""
    if not (min(sizes) >= FEWEST_PAIRS and max(sizes) <= MOST_PAIRS):
        raise CriteriaError(
            _("Each part has from %(fewest)s to %(most)s pairs.")
            % {"fewest": FEWEST_PAIRS, "most": MOST_PAIRS}
        )


def require_enough(parts: Mapping[str, Sequence[Pair]]) -> None:
    """CriteriaError where a part has too few pairs to say anything."""
    least = min(parts, key=lambda part: len(parts[part]))
    if len(parts[least]) < FEWEST_PAIRS:
        raise CriteriaError(
            _(
                "Only %(left)s decided conversations are left for the %(part)s part, and it takes "
                "%(fewest)s: each part needs raters and words of its own."
            )
            % {"left": len(parts[least]), "part": least, "fewest": FEWEST_PAIRS}
        )


def require_read(*parts: Sized) -> None:
    """CriteriaError where of too few pairs of a part an answer could be read."""
    if min(map(len, parts)) < FEWEST_PAIRS:
        raise CriteriaError(_("Too few answers could be read to say anything of these pairs."))


def require_pairwise(study: Study) -> None:
    """CriteriaError for a study in which nothing is compared."""
    if study.protocol == Study.Protocol.SINGLE:
        raise CriteriaError(_("Pairs are of two sides; here raters rate one model at a time."))
    if study.preview_of_id is not None:
        raise CriteriaError(_("A preview is a passing copy: ask about the study itself."))


def choices_of(pairs: Sequence[Pair], more: FloatArray, raters: Mapping[str, int]) -> Choices:
    """Choices, and which side has more of each criterion, (P, C) of A less B, from their side."""
    sign = np.array([1.0 if pair.preferred == "a" else -1.0 for pair in pairs])
    words = [[_words(pair, side) for side in (0, 1)] for pair in pairs]
    lengths = np.array(words, float).reshape(-1, 2)
    return Choices(
        more=more * sign[:, None],
        longer=np.sign(lengths[:, 0] - lengths[:, 1]) * sign,
        is_a=sign > 0,
        rater=np.array([raters[pair.rater] for pair in pairs], np.int64),
    )


def _words(pair: Pair, side: int) -> int:
    return sum(len(each.replies[side].split()) for each in pair.case.exchanges)


def _drawn(seed: int, battle: int) -> str:
    return hashlib.sha256(f"{seed} {battle}".encode()).hexdigest()
