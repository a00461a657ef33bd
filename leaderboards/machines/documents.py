"""What reports of people and machine say, as frozen classes: the figures of pages and REST."""

from dataclasses import dataclass
from datetime import datetime

from leaderboards.comparison.agreement import Agreement
from leaderboards.comparison.biases import Length, Position, SelfFamily
from leaderboards.comparison.certainty import Certainty, Curve
from leaderboards.comparison.consistency import Consistency
from leaderboards.comparison.domains import Domain
from leaderboards.comparison.figures import Figure
from leaderboards.comparison.rating_card import FamilyGap, LengthSlope, RatingGap, Repeated
from leaderboards.comparison.ratings import RatingAgreement, RatingOrder
from leaderboards.comparison.report_card import Price
from leaderboards.comparison.scenarios import Gap
from leaderboards.comparison.similarity import Mirror


@dataclass(frozen=True)
class Standing:
    """A contestant's place on people's board and on the judge's; None where one has no ranking.

    Scores are log-odds with their 95 % interval; points of people's scale where ratings are ranked.
    """

    contestant: str
    people: "Place | None"
    judge: "Place | None"


@dataclass(frozen=True)
class Place:
    """A rank with its interval, and the score that it comes from."""

    rank: int
    rank_low: int
    rank_high: int
    score: float
    low: float
    high: float
    battles: int
    is_provisional: bool


@dataclass(frozen=True)
class Order:
    """Whether a judge puts contestants in people's order; see `comparison.orders`."""

    spearman: Figure
    kendall: Figure
    ceiling: float


@dataclass(frozen=True)
class Reliability:
    """How well a judge's doubt tells where people would differ; see `comparison.reliability`."""

    curve: Curve
    area: float
    brier_gain: float
    n: int


@dataclass(frozen=True)
class Machine:
    """A judge beside people on one dimension, or on all together with `dimension` empty.

    `verdicts` are the run's, of which `abstained` name no outcome; `failed` of its conversations
    could not be judged, and `unreadable` answers said nothing. All figures but `standings` are of
    the conversations that both compared, but for `learned_from`, so many from which the judge may
    have learned when it was tuned. `position` is None where the judge never saw both sides
    at once, `certainty` where it states none, `family` where nobody or everybody is of its
    `developer`. `standings` are in the order of people's board, and empty for all dimensions
    together, or with a `refusal`. `gaps` are those that are surely largest, of `gaps_found`.
    """

    judge: str
    run: int
    dimension: str
    computed_at: datetime
    verdicts: int
    abstained: int
    failed: int
    unreadable: int
    learned_from: int
    contestants: tuple[str, ...]
    agreement: Agreement
    order: Order
    position: Position | None
    length: Length
    family: SelfFamily | None
    developer: str
    consistency: Consistency
    certainty: Certainty | None
    reliability: Reliability
    mirrors: tuple[Mirror, ...]
    domains: tuple[Domain, ...]
    gaps: tuple[Gap, ...]
    gaps_found: int
    canaries: Figure
    price: Price
    standings: tuple[Standing, ...]
    refusal: str


@dataclass(frozen=True)
class RatedMachine:
    """A judge beside people who rate one conversation at a time; see `Machine`.

    All is on people's scale, as `comparison.rated` puts it. `agreement`, `order`, `length`,
    `family` and `gaps` are of the conversations that both rated.
    """

    judge: str
    run: int
    dimension: str
    computed_at: datetime
    verdicts: int
    abstained: int
    failed: int
    unreadable: int
    contestants: tuple[str, ...]
    agreement: RatingAgreement
    order: RatingOrder
    length: LengthSlope
    family: FamilyGap | None
    developer: str
    repeated: Repeated
    gaps: tuple[RatingGap, ...]
    gaps_found: int
    canaries: Figure
    price: Price
    standings: tuple[Standing, ...]
    refusal: str
