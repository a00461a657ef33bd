"""Reads conversations as a scorer sees them: both sides measured, and what they are about."""

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from leaderboards.conversations import CHUNK, battles_with_words, read_conversations
from leaderboards.ranking.outcomes import A_WINS, B_WINS, TIE
from leaderboards.scorer.comparisons import BoolArray, Comparisons
from leaderboards.scorer.evaluation import FOLDS
from leaderboards.scorer.features import Measured, embedding_of, measure
from leaderboards.scorer.training import FEWEST_BLOCKS
from leaderboards.scorer_card import ScorerGroup
from leaderboards.services.embedding import Embedder
from raters.grouping import LEAST_RATERS, Members, groups_of
from raters.judging.cases import Exchange
from raters.models import Battle, Outcome, Verdict
from studies.models import Dimension, Study

# Of whatever is drawn, or dealt.
SEED: Final = 0
# Of more battles than this a sample is learned from: one dimension of so many takes a minute, and
# a worker that takes too long is taken for dead. Of more, a sample is embedded to be rated.
MOST_BATTLES: Final = 5_000
OUTCOME_OF: Final = {A_WINS: Outcome.A, TIE: Outcome.TIE, B_WINS: Outcome.B}
CODE_OF: Final = {outcome.value: code for code, outcome in OUTCOME_OF.items()}
Groups = Sequence[tuple[ScorerGroup, Members]]


@dataclass(frozen=True)
class Talk:
    """A battle as a scorer sees it: both sides measured, and what it is about."""

    battle: Battle
    a: Measured
    b: Measured
    block: str


def read_talks(
    study: Study, battles: Sequence[int], *, by_task: bool, embedder: Embedder | None = None
) -> Iterator[Talk]:
    """Battles by id in this order, measured, and with embeddings where somebody gives them.

    A battle whose words are gone meanwhile is left out, and so is one that could not be embedded.
    """
    for start in range(0, len(battles), CHUNK):
        said = list(read_conversations(study, battles[start : start + CHUNK]))
        if embedder is not None:
            embedder.fetch(
                reply
                for _, exchanges in said
                for exchange in exchanges
                for reply in exchange.replies
            )
        for battle, exchanges in said:
            a, b = (measure_side(exchanges, side, embedder) for side in (0, 1))
            if a is not None and b is not None:
                yield Talk(battle, a, b, _block_of(battle, exchanges, by_task=by_task))


def measure_side(
    exchanges: Sequence[Exchange], side: int, embedder: Embedder | None = None
) -> Measured | None:
    """Measure what side 0 (A) or 1 (B) replied; None if a reply was not embedded and should be."""
    replies = [each.replies[side] for each in exchanges]
    found = measure([each.message for each in exchanges], replies)
    if embedder is None:
        return found
    embeddings = [embedder.embedding_of(reply) for reply in replies if reply.strip()]
    came = [each for each in embeddings if each is not None]
    if not came or len(came) < len(embeddings):
        return None
    return Measured(found.style, found.words, embedding_of(came))


def fold_of(block: str, *, seed: int) -> int:
    """The fold of whatever conversations are about: known of any, without a list of them."""
    return zlib.crc32(f"{seed} {block}".encode()) % FOLDS


def _block_of(battle: Battle, exchanges: Sequence[Exchange], *, by_task: bool) -> str:
    if by_task and battle.task_id is not None:
        return f"task {battle.task_id}"
    return " ".join(exchanges[0].message.split()).casefold()


def labelled_battles(study: Study) -> list[int]:
    """Battles whose words are there and that a verdict counts of, by id."""
    counting = Verdict.objects.counting(study).order_by().values("battle")
    return list(battles_with_words(study).filter(pk__in=counting).values_list("pk", flat=True))


def sample_of(battles: Sequence[int], most: int) -> list[int]:
    """As many battles as may be, drawn by seed where there are more; in their order."""
    if len(battles) <= most:
        return list(battles)
    drawn = np.random.default_rng(SEED).choice(len(battles), most, replace=False)
    return [battles[place] for place in sorted(drawn.tolist())]


def is_by_task(study: Study, battles: Sequence[int]) -> bool:
    """Whether all these battles are on tasks, and on enough of them to be parted by."""
    if study.tasks.count() < FEWEST_BLOCKS + FOLDS:
        return False
    return not battles_with_words(study).filter(pk__in=battles, task=None).exists()


def known_groups(study: Study, battles: Sequence[Battle]) -> list[tuple[ScorerGroup, Members]]:
    """The groups with enough raters here that they, and not one of them, are told apart."""
    cell_of = {each.participation_id: each.participation.cell_id for each in battles}
    found = []
    for members in groups_of(study):
        raters = sum(cell in members.cells for cell in cell_of.values())
        if raters >= LEAST_RATERS:
            group = members.group
            found.append((ScorerGroup(group.axis.key, group.key, group.name, raters), members))
    return found


def comparisons_of(
    dimension: Dimension, talks: Sequence[Talk], groups: Groups
) -> tuple[Comparisons, list[Talk]]:
    """The dimension's verdicts that count on these battles, and the battle of each."""
    counting = Verdict.objects.counting(dimension.study).filter(dimension=dimension)
    outcome_of = dict(counting.order_by().values_list("battle_id", "outcome"))
    kept = [each for each in talks if each.battle.pk in outcome_of]
    blocks = {block: place for place, block in enumerate({each.block: None for each in kept})}
    contestants = [(each.battle.side_a_id, each.battle.side_b_id) for each in kept]
    sides = np.arange(2 * len(kept)).reshape(-1, 2)
    given = Comparisons.of(
        [side for each in kept for side in (each.a, each.b)],
        a=sides[:, 0],
        b=sides[:, 1],
        outcome=np.array([CODE_OF[outcome_of[each.battle.pk]] for each in kept], np.int64),
        block=np.array([blocks[each.block] for each in kept], np.int64),
        contestants=np.array(contestants, np.int64).reshape(-1, 2),
        groups=members_of(kept, groups),
    )
    return given, kept


def members_of(talks: Sequence[Talk], groups: Groups) -> BoolArray:
    """Whether each battle's rater is in each group, (V, G)."""
    cells = [each.battle.participation.cell_id for each in talks]
    inside = [[cell in members.cells for _, members in groups] for cell in cells]
    return np.array(inside, bool).reshape(len(talks), len(groups))
