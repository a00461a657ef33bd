"""A simulated judge, whose leanings are known: for the demo, and to see that they are found."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import numpy as np
from django.utils.translation import gettext as _

from raters.errors import RaterError
from raters.imports.judgements import JudgementReport, import_judgements
from raters.models import Battle, SideStyle
from raters.simulation import OUTCOMES, Cells, FloatArray, Population, draw_skills
from studies.models import Study

# The stream of a seed that a judge is drawn from: no rater's vote depends on whether there is one.
JUDGE: Final = 6
# Words of a simulated conversation's side: the median, and the spread of their logarithm.
WORDS, WORDS_SD = 180, 0.6
# Every so many conversations are judged twice in each order.
REPEATED: Final = 4
COLUMNS: Final = (
    "rater", "battle", "model_a", "model_b", "dimension", "outcome", "order", "sample",
    "certainty", "cost", "seconds",
)  # fmt: skip


@dataclass(frozen=True)
class Leaning:
    """What sways a simulated judge, in log-odds of Davidson's model.

    It shares the preferences of the group `mirrors`, an axis and a group, `sharpness` times as
    strong. `first` is for whoever is shown first, `longer` for each e-fold more words; it says
    that it is as certain as the root of its probability, which is too certain.
    """

    mirrors: tuple[str, str]
    sharpness: float = 1.5
    first: float = 0.5
    longer: float = 0.6
    tie_propensity: float = 0.25


def simulate_judge(
    study: Study,
    *,
    name: str,
    developer: str,
    leaning: Leaning,
    population: Population,
    battles: int,
    seed: int,
    at: datetime,
) -> JudgementReport:
    """Let a judge compare some of a simulated study's battles in both orders, by the real import.

    `seed` and `population` are those of `simulate_raters`. How long the replies were is drawn
    too, and kept as what was counted. The same seed says the same again, and adds nothing.
    """
    lots = np.random.default_rng([seed, JUDGE])
    chosen = _choose(study, battles, lots)
    ids = [battle.pk for battle in chosen]
    words = np.rint(lots.lognormal(np.log(WORDS), WORDS_SD, (len(ids), 2))).astype(int)
    _keep_words(ids, words.tolist())
    contestants = list(study.contestants.order_by("slug"))
    place = {contestant.pk: k for k, contestant in enumerate(contestants)}
    sides = np.array([[place[s] for s in (b.side_a_id, b.side_b_id) if s] for b in chosen])
    dimensions = list(study.dimensions.order_by("position").values_list("key", flat=True))
    skill = leaning.sharpness * _skill(study, leaning, population, len(dimensions), seed)
    longer = leaning.longer * np.log(words[:, 0] / words[:, 1])
    lead = skill[:, sides[:, 0]] - skill[:, sides[:, 1]] + longer
    with TemporaryDirectory() as folder:
        path = Path(folder) / "judgements.csv"
        with path.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(COLUMNS)
            for n, battle in enumerate(chosen):
                named = (
                    battle.participation.identity.recruiting_id, battle.key,
                    contestants[sides[n, 0]].name, contestants[sides[n, 1]].name,
                )  # fmt: skip
                for order, sample in _showings(n):
                    effect = leaning.first if order == "ab" else -leaning.first
                    said = _say(lots, lead[:, n] + effect, leaning.tie_propensity)
                    cost, seconds = lots.normal(0.0021, 0.0003), lots.lognormal(0.3, 0.4)
                    for key, (outcome, certainty) in zip(dimensions, said, strict=True):
                        told = (f"{certainty:.2f}", f"{cost:.5f}", f"{seconds:.2f}")
                        writer.writerow([*named, key, outcome, order, sample, *told])
        return import_judgements(study, path, judge=name, developer=developer, at=at)


def _choose(study: Study, battles: int, lots: np.random.Generator) -> list[Battle]:
    found = Battle.objects.filter(participation__study=study, side_b__isnull=False)
    ids = list(found.order_by("pk").values_list("pk", flat=True))
    if not ids:
        raise RaterError(
            _("The study %(study)s has no battle that a judge could judge.") % {"study": study.slug}
        )
    some = lots.permutation(len(ids))[:battles]
    chosen = found.filter(pk__in=[ids[n] for n in some.tolist()])
    return list(chosen.order_by("pk").select_related("participation"))


def _keep_words(battles: list[int], words: list[list[int]]) -> None:
    others = {"list_items": 0, "headers": 0, "bold": 0, "links": 0, "code_blocks": 0, "emoji": 0}
    SideStyle.objects.bulk_create(
        (
            SideStyle(battle_id=battle, side=side, words=count, **others)
            for battle, counts in zip(battles, words, strict=True)
            for side, count in zip("ab", counts, strict=True)
        ),
        ignore_conflicts=True,
        batch_size=1_000,
    )


def _skill(
    study: Study, leaning: Leaning, population: Population, dimensions: int, seed: int
) -> FloatArray:
    """Skills (D, K) in the eyes of the mirrored group."""
    cells = Cells.of(study)
    slugs = study.contestants.order_by("slug").values_list("slug", flat=True)
    skill = draw_skills(cells, slugs, dimensions=dimensions, population=population, seed=seed)
    keys = [(group.axis.key, group.key) for group in cells.groups]
    if leaning.mirrors not in keys:
        raise RaterError(
            _("The study %(study)s has no group %(group)s.")
            % {"study": study.slug, "group": "=".join(leaning.mirrors)}
        )
    theirs: FloatArray = skill[:, 0] + skill[:, 1 + keys.index(leaning.mirrors)]
    return theirs


def _showings(n: int) -> Iterator[tuple[str, int]]:
    for sample in (1, 2) if n % REPEATED == 0 else (1,):
        yield from (("ab", sample), ("ba", sample))


def _say(
    lots: np.random.Generator, lead: FloatArray, tie_propensity: float
) -> list[tuple[str, float]]:
    """An outcome on each dimension, and how certain the judge says that it is."""
    weights = np.stack([np.exp(lead / 2), np.full_like(lead, tie_propensity), np.exp(-lead / 2)])
    p = weights / weights.sum(axis=0)
    said = (lots.random(len(lead)) > np.cumsum(p, axis=0)[:-1]).sum(axis=0)
    return [(OUTCOMES[o], float(np.sqrt(p[o, d]))) for d, o in enumerate(said.tolist())]
