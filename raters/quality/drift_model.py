"""The weights by which a turn's traits tell whether it starts a new topic, and their file."""

import gzip
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from importlib import resources
from typing import Final

from raters.quality.drift_features import Turn, measures, new_stems, traits

FILE: Final = "drift_model.json.gz"
# Beyond what training saw, a measure counts as its edge: a rater's turn may be a hundred times
# as long as any of those.
MAX_DEVIATIONS: Final = 3.0
# A strike needs a turn of which nothing goes back to these many before it.
STRIKE_SPAN: Final = 4


@dataclass(frozen=True)
class Measure:
    """A number's mean and standard deviation in training, and the weight of its deviation."""

    mean: float
    deviation: float
    weight: float

    def deviations(self, value: float) -> float:
        """How many standard deviations the value lies off the mean, at most three."""
        return max(-MAX_DEVIATIONS, min(MAX_DEVIATIONS, (value - self.mean) / self.deviation))


@dataclass(frozen=True)
class DriftModel:
    """A logistic regression on measures and traits of a turn and of those before it.

    `rarities` weigh stems, 0 (everywhere) to 1 (seen once); `unseen` weighs the rest. From the
    probability `shift_at` a turn is taken for a new topic; from `strike_at` it is struck, if
    besides none of its words goes with the last four turns. `chosen` says how the two were
    chosen, `figures` what was measured then.
    """

    intercept: float
    measures: Mapping[str, Measure]
    traits: Mapping[str, float]
    rarities: Mapping[str, float]
    unseen: float
    shift_at: float
    strike_at: float
    chosen: Mapping[str, str]
    figures: Mapping[str, float]

    def weigh(self, stems: Iterable[str]) -> float:
        """The weight of the stems together."""
        # In order, so that the sum is the same in every process.
        return sum(self.rarities.get(each, self.unseen) for each in sorted(stems))

    def probability(self, thread: Sequence[Turn], i: int) -> float:
        """The probability that turn `i` ≥ 1 of the thread starts a new topic."""
        values = measures(thread, i, self.weigh)
        score = self.intercept + math.fsum(
            measure.weight * measure.deviations(values[name])
            for name, measure in self.measures.items()
        )
        found = traits(thread[i], thread[i - 1])
        score += math.fsum(self.traits[each] for each in found if each in self.traits)
        return 1 / (1 + math.exp(-score))


def leaves_everything(thread: Sequence[Turn], i: int) -> bool:
    """Whether turn `i` has words of meaning, and none that goes with the last four turns."""
    stems = thread[i].stems
    return bool(stems) and new_stems(thread, i, STRIKE_SPAN) == stems


def write_model(model: DriftModel) -> bytes:
    """The model as gzipped JSON; the same model gives the same bytes."""
    text = json.dumps(asdict(model), ensure_ascii=False, indent=0, sort_keys=True)
    return gzip.compress(text.encode(), mtime=0)


def read_model(content: bytes) -> DriftModel:
    """The model that `write_model` wrote."""
    document = json.loads(gzip.decompress(content))
    kinds = {name: Measure(**measure) for name, measure in document.pop("measures").items()}
    return DriftModel(measures=kinds, **document)


@cache
def shipped_model() -> DriftModel:
    """The model of this package; read once."""
    return read_model(resources.files(__package__).joinpath(FILE).read_bytes())
