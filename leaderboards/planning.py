"""What a plan needs of a study, what the study would cost, and how both are said."""

from dataclasses import dataclass
from decimal import Decimal
from math import ceil, isinf, log10
from typing import Final

from django.utils.translation import gettext as _

from leaderboards.ranking.errors import RankingError
from leaderboards.ranking.planning import (
    WIDTHS,
    Assumptions,
    Measure,
    Plan,
    RatersNeeded,
    Wish,
)
from leaderboards.ranking.policies import Policy
from raters.models import Battle
from studies.models import Group, Study
from studies.registry import charge
from studies.spending import spent

# The mean cost of fewer battles says little.
BATTLES_OBSERVED: Final = 20
SIDES: Final = 2
CENT: Final = Decimal("0.01")


@dataclass(frozen=True)
class Talk:
    """What is assumed of a battle: its turns, and the tokens of a message and of a reply.

    A model reads the whole conversation again for each reply.
    """

    turns: int = 3
    message_tokens: int = 40
    reply_tokens: int = 400

    @property
    def prompt_tokens(self) -> int:
        """Tokens that one contestant reads in a battle."""
        messages = self.turns * (self.turns + 1) // 2
        return messages * self.message_tokens + (messages - self.turns) * self.reply_tokens

    @property
    def completion_tokens(self) -> int:
        """Tokens that one contestant writes in a battle."""
        return self.turns * self.reply_tokens


@dataclass(frozen=True)
class Prices:
    """What a rater is paid, in her study's currency, and what a battle's replies cost, in dollars.

    None where it isn't known. The two are never added up.
    """

    pay: Decimal | None = None
    currency: str = "GBP"
    battle: Decimal | None = None

    def of(self, raters: int, battles_each: int) -> tuple[str, ...]:
        """What so many raters cost, in words: the pay and the replies, whichever is known."""
        pay, replies = self.pay_of(raters), self.replies_of(raters * battles_each)
        said = []
        if pay is not None:
            words = _("pay %(pay)s %(currency)s")
            said.append(words % {"pay": f"{pay:,.2f}", "currency": self.currency})
        if replies is not None:
            said.append(_("replies $%(cost)s") % {"cost": f"{replies:,.2f}"})
        return tuple(said)

    def pay_of(self, raters: int) -> Decimal | None:
        """What so many raters are paid."""
        return None if self.pay is None else (raters * self.pay).quantize(CENT)

    def replies_of(self, battles: int) -> Decimal | None:
        """What the replies of so many battles cost, in US dollars."""
        return None if self.battle is None else (battles * self.battle).quantize(CENT)


def require_pairs(study: Study) -> None:
    """Raise RankingError for a study that doesn't compare two models."""
    if study.protocol != Study.Protocol.PAIRWISE:
        raise RankingError(
            _("The study %(study)s has one model rated at a time: a plan is for pairs.")
            % {"study": study.slug}
        )


def assumptions_of(study: Study, **others: object) -> Assumptions:
    """What is known before there are raters: contestants, groups, battles of each, policy.

    `others` are the assumptions that the study can't tell, and win over what it tells. Raises
    RankingError for a study without pairs, and for assumptions that nothing can be planned for.
    """
    require_pairs(study)
    known: dict[str, object] = {
        "contestants": study.contestants.filter(withdrawn_at=None).count(),
        "groups": groups_of(study),
        "battles_each": study.battles_each,
        "policy": Policy(study.policy),
    }
    return Assumptions(**known | others)  # type: ignore[arg-type]


def groups_of(study: Study) -> tuple[tuple[float, ...], ...]:
    """Shares of the groups of each axis; none without an electorate."""
    axes: dict[int, list[float]] = {}
    groups = Group.objects.filter(axis__electorate__studies=study)
    for axis, share in groups.order_by("axis__position", "position").values_list("axis", "share"):
        axes.setdefault(axis, []).append(share)
    return tuple(tuple(shares) for shares in axes.values())


def battle_cost(study: Study, talk: Talk) -> Decimal | None:
    """What the replies of a battle cost: by the battles so far, or else by what is assumed."""
    observed = observed_battle_cost(study)
    return assumed_battle_cost(study, talk) if observed is None else observed


def observed_battle_cost(study: Study) -> Decimal | None:
    """What the replies of a battle have cost on average; None if there were too few battles."""
    heard = Battle.objects.filter(
        participation__study=study, turns__replies__total_ms__isnull=False
    )
    battles = heard.distinct().count()
    return spent(study).cost / battles if battles >= BATTLES_OBSERVED else None


def assumed_battle_cost(study: Study, talk: Talk) -> Decimal | None:
    """What the replies of a battle would cost, its contestants being any two; None without any."""
    standing = study.contestants.filter(withdrawn_at=None).select_related("chat_model")
    charges = [
        charge(
            contestant.chat_model,
            prompt_tokens=talk.prompt_tokens,
            completion_tokens=talk.completion_tokens,
        )
        for contestant in standing
    ]
    return SIDES * sum(charges, Decimal(0)) / len(charges) if charges else None


def answer(needed: RatersNeeded, wish: Wish, prices: Prices, made_for: Assumptions) -> str:
    """Say how many raters a wish takes, and what they cost."""
    top = made_for.ladder[-1]
    if isinf(needed.raters):
        how_many = _("More than %(raters)s raters") % {"raters": f"{top:,}"}
        words = _("%(cost)s for %(raters)s")
        parts = prices.of(top, made_for.battles_each)
        cost = [words % {"cost": part, "raters": f"{top:,}"} for part in parts]
    else:
        raters = about(needed.raters)
        high = (
            _("more than %(raters)s") % {"raters": f"{top:,}"}
            if isinf(needed.high)
            else f"{about(needed.high):,}"
        )
        how_many = _("About %(raters)s raters (%(low)s to %(high)s)") % {
            "raters": f"{raters:,}",
            "low": f"{about(needed.low):,}",
            "high": high,
        }
        if needed.raters <= made_for.ladder[0]:
            how_many = _("%(raters)s raters or fewer") % {"raters": f"{raters:,}"}
        cost = list(prices.of(raters, made_for.battles_each))
    said = _("%(raters)s for %(wish)s") % {"raters": how_many, "wish": wish_text(wish)}
    return f"{said}; {', '.join(cost)}." if cost else f"{said}."


def columns(made: Plan, prices: Prices) -> dict[str, list[str]]:
    """What a plan's table says, a column by its header: a cell for each rung of the ladder."""
    ladder, each = made.assumptions.ladder, made.assumptions.battles_each
    points, mean = made.curve(Measure.POINTS), {m: made.curve(m).mean for m in made.figures}
    ends = zip(points.low, points.high, strict=True)
    cells = {
        _("Raters"): [f"{raters:,}" for raters in ladder],
        _("Battles"): [f"{raters * each:,}" for raters in ladder],
        _("± points"): [f"{figure:.1f}" for figure in points.mean],
        _("Low to high"): [
            _("%(low)s to %(high)s") % {"low": f"{low:.1f}", "high": f"{high:.1f}"}
            for low, high in ends
        ],
    }
    if Measure.GROUP_POINTS in mean:
        cells[_("± in a group")] = [f"{figure:.1f}" for figure in mean[Measure.GROUP_POINTS]]
    cells |= {
        _("± log-odds"): [f"{figure:.2f}" for figure in mean[Measure.LOG_ODDS]],
        "τ": [f"{figure:.2f}" for figure in mean[Measure.TAU]],
        _("Leader"): [f"{figure:.0%}" for figure in mean[Measure.LEADER]],
        _("Separated"): [f"{figure:.0%}" for figure in mean[Measure.SEPARATED]],
    }
    if prices.pay is not None:
        header = _("Pay, %(currency)s") % {"currency": prices.currency}
        cells[header] = [f"{prices.pay_of(raters):,.2f}" for raters in ladder]
    if prices.battle is not None:
        cells[_("Replies, $")] = [f"{prices.replies_of(raters * each):,.2f}" for raters in ladder]
    return cells


def wish_text(wish: Wish) -> str:
    """A wish in words."""
    if wish.measure in WIDTHS:
        return _("±%(points)s points of win share") % {"points": f"{wish.level:g}"}
    if wish.measure is Measure.TAU:
        return _("a Kendall’s τ of %(tau)s") % {"tau": f"{wish.level:g}"}
    return _("a leader that is the best with %(chance)s %%") % {"chance": f"{100 * wish.level:g}"}


def about(raters: float) -> int:
    """A number of raters with two digits that count, rounded up."""
    step: int = 10 ** max(int(log10(max(raters, 1))) - 1, 0)
    return ceil(round(raters / step, 6)) * step
