"""Tunes a judge's prompt to people: candidates compared on one part, the winner tried on another.

What tunings learned from is recorded, and never tested on; what they tested on is recorded too,
and never learned from. So the test part stays the same as long as it can, and it is said how
often it was used: what is tested on often is no longer held out.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np
from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from leaderboards.comparison.figures import NOTHING, Figure, difference_of, share_of
from leaderboards.comparison.items import total
from leaderboards.decided import (
    FEWEST_PAIRS,
    question_of,
    read_pairs,
    require_enough,
    require_pairwise,
    require_read,
    require_sizes,
)
from leaderboards.errors import CriteriaError
from leaderboards.facts import UnknownFactsError, as_json, parse
from leaderboards.models import Report
from leaderboards.ranking.outcomes import FloatArray
from leaderboards.reports import TUNING, Json
from leaderboards.services.criteria import TIME_LIMIT, Expense, ask_and_record
from leaderboards.services.multiverse import dimension_named
from raters.errors import JudgeError
from raters.judging.cases import Question
from raters.judging.errors import JudgingError
from raters.judging.findings import Outcome
from raters.judging.proposals.pairs import Pair, check_unseen, deal_pairs
from raters.judging.settings import Settings
from raters.judging.tuning import (
    PROTOCOL,
    Candidate,
    advise,
    agreement_of,
    draw_examples,
    exchanges_of,
    judge_pairs,
    list_candidates,
)
from raters.models import Judge
from raters.services.asking import Asker
from raters.services.judge_runs import add_judge
from studies.models import Dimension, Study

if TYPE_CHECKING:
    from accounts.models import User

TRAINING, VALIDATION, TEST = "training", "validation", "test"
# Of every tuning: with another order others would be tested on.
ORDER: Final = 0


@dataclass(frozen=True)
class TuningWanted:
    """Which judge is to be tuned on which dimension, with how many pairs in each part."""

    dimension: str
    judge: int
    training: int = 20
    validation: int = 30
    test: int = 30
    seed: int = 0

    @property
    def subject(self) -> str:
        """How reports name it: "overall:3:20+30+30:0"."""
        parts = f"{self.training}+{self.validation}+{self.test}"
        return f"{self.dimension}:{self.judge}:{parts}:{self.seed}"

    @classmethod
    def parse(cls, subject: str) -> Self:
        """From a report's subject; CriteriaError for what is none."""
        try:
            key, judge, parts, seed = subject.split(":")
            training, validation, test = map(int, parts.split("+"))
            return cls(key, int(judge), training, validation, test, int(seed))
        except ValueError as error:
            raise CriteriaError(
                _("“%(subject)s” names no tuning.") % {"subject": subject}
            ) from error


@dataclass(frozen=True)
class FoundCandidate:
    """A candidate, its settings as JSON, and its agreement with people on the validation part.

    A tie of the judge is half an agreement. `unjudged` counts pairs of which nothing could be read.
    """

    name: str
    settings: str
    agreement: Figure
    unjudged: int


@dataclass(frozen=True)
class UseOfTest:
    """One time that battles were a test part, and which judge was tuned."""

    at: datetime
    judge: str
    battles: tuple[int, ...]


@dataclass(frozen=True)
class TuningReport:
    """What a report of the kind `tuning` says; battles are named by id, and no word is quoted.

    `base` and `tuned` are the agreement with people, on the test part, of the judge as it is and
    of the winner, `gain` is the second less the first. `uses` are all uses of test parts in the
    study, this one last; `seen` are the battles that tunings have learned from.
    """

    dimension: str
    judge: str
    judge_id: int
    seed: int
    computed_at: datetime
    training: tuple[int, ...]
    validation: tuple[int, ...]
    test: tuple[int, ...]
    candidates: tuple[FoundCandidate, ...]
    winner: int
    base: Figure
    tuned: Figure
    gain: Figure
    uses: tuple[UseOfTest, ...]
    seen: tuple[int, ...]
    expense: Expense

    @property
    def uses_before(self) -> int:
        """How many tunings before this one used some of its test part."""
        return sum(not set(self.test).isdisjoint(use.battles) for use in self.uses[:-1])


@dataclass(frozen=True)
class History:
    """What tunings of a study have used until now; a part of what each of their reports says."""

    uses: tuple[UseOfTest, ...]
    seen: tuple[int, ...]


@transaction.atomic
def ask_for_tuning(
    study: Study, wanted: TuningWanted, *, by: "User | None" = None, at: datetime
) -> Report:
    """Ask for a tuning; a worker does it. The ledger says with whom words are shared.

    Raises CriteriaError, or NothingToRankError, for what there is not.
    """
    require_pairwise(study)
    dimension_named(study, wanted.dimension)
    sizes = (wanted.training, wanted.validation, wanted.test)
    require_sizes(*sizes)
    judge, chat_model = tunable(wanted.judge)
    what = f"conversations of up to {sum(sizes):,} battles, to tune {judge}"
    return ask_and_record(study, TUNING, wanted.subject, chat_model, what=what, by=by, at=at)


def tunable(number: int) -> tuple[Judge, Any]:
    """A judge that can be tuned, and whom it asks; CriteriaError for another."""
    judge = Judge.objects.filter(pk=number).first()
    if judge is None or judge.protocol != PROTOCOL.key:
        raise CriteriaError(
            _("Choose a judge of the protocol “%(protocol)s”.") % {"protocol": PROTOCOL.name}
        )
    members = list(judge.members.select_related("chat_model"))
    if len(members) != 1:
        raise CriteriaError(
            _("%(judge)s is a jury; a judge of one chat model can be tuned.") % {"judge": judge}
        )
    return judge, members[0].chat_model


def report_tuning(study: Study, subject: str, at: datetime) -> Json:
    """Compute a report of the kind `tuning`.

    Raises CriteriaError where there are too few pairs, words would leak from one part to another,
    or the chat model does not answer in time.
    """
    wanted = TuningWanted.parse(subject)
    dimension = dimension_named(study, wanted.dimension)
    judge, chat_model = tunable(wanted.judge)
    asker = Asker(chat_model, limit=TIME_LIMIT)
    try:
        return as_json(tune(dimension, judge, wanted, asker, at=at))
    except (JudgeError, JudgingError) as error:
        raise CriteriaError(str(error)) from error


def tune(
    dimension: Dimension, judge: Judge, wanted: TuningWanted, asker: Asker, *, at: datetime
) -> TuningReport:
    """Make candidates on the training part, choose on validation, and test the winner once."""
    history = history_of(dimension.study)
    parts = deal_pairs(
        read_pairs(dimension, seed=ORDER),
        {TRAINING: wanted.training, VALIDATION: wanted.validation, TEST: wanted.test},
        seed=ORDER,
        seen=history.seen,
        tested=[battle for use in history.uses for battle in use.battles],
    )
    require_enough(parts)
    check_unseen(parts[TEST], history.seen)
    bench = Bench(question_of(dimension), asker, parts, wanted.seed)
    candidates = bench.make_candidates(judge.settings)
    found = tuple(bench.validate(each) for each in candidates)
    require_read(range(found[0].agreement.n))
    # Of equals the first: it changes less.
    winner = max(range(len(found)), key=lambda place: (_value(found[place].agreement), -place))
    base, tuned, gain = bench.test(candidates[0], candidates[winner])
    battles = {part: tuple(pair.key for pair in own) for part, own in parts.items()}
    return TuningReport(
        dimension=dimension.key,
        judge=str(judge),
        judge_id=judge.pk,
        seed=wanted.seed,
        computed_at=at,
        training=battles[TRAINING],
        validation=battles[VALIDATION],
        test=battles[TEST],
        candidates=found,
        winner=winner,
        base=base,
        tuned=tuned,
        gain=gain,
        uses=(*history.uses, UseOfTest(at, str(judge), battles[TEST])),
        seen=tuple(sorted({*history.seen, *battles[TRAINING], *battles[VALIDATION]})),
        expense=Expense.of(asker),
    )


def history_of(study: Study) -> History:
    """What all tunings of a study have used: each report carries what was before it."""
    uses: dict[tuple[datetime, str], UseOfTest] = {}
    seen: set[int] = set()
    for report in _tunings_of(study):
        found = _history_in(report)
        uses |= {(use.at, use.judge): use for use in found.uses}
        seen.update(found.seen)
    return History(tuple(uses[key] for key in sorted(uses)), tuple(sorted(seen)))


def learned_from(judge: Judge, study: Study) -> frozenset[int]:
    """The battles of a study, by id, from which this version of a judge may have learned.

    All that tunings of the study had seen when an earlier version was tuned: whoever changes a
    judge by hand may have learned from them too. Empty where no earlier version was. Raises
    CriteriaError where such a tuning can't be read.
    """
    earlier = Judge.objects.filter(name=judge.name, version__lt=judge.version)
    ids = set(earlier.values_list("pk", flat=True))
    seen: set[int] = set()
    for report in _tunings_of(study):
        if TuningWanted.parse(report.subject).judge in ids:
            seen.update(_history_in(report).seen)
    return frozenset(seen)


def _tunings_of(study: Study) -> QuerySet[Report]:
    return Report.objects.filter(study=study, kind=TUNING, state=Report.State.FINISHED)


def _history_in(report: Report) -> History:
    try:
        return parse(History, report.document)
    except UnknownFactsError as error:
        raise CriteriaError(
            _("An earlier tuning can't be read any more, so that nobody knows what it has seen.")
        ) from error


def make_next_version(found: TuningReport, *, at: datetime) -> Judge:
    """The winner as the next version of the judge. CriteriaError where none was better."""
    if found.winner == 0:
        raise CriteriaError(_("No candidate agreed with people more than the judge as it is."))
    judge, chat_model = tunable(found.judge_id)
    settings = json.loads(found.candidates[found.winner].settings)
    try:
        return add_judge(
            name=judge.name,
            protocol=judge.protocol,
            settings=settings,
            chat_models=[chat_model],
            at=at,
        )
    except JudgeError as error:
        raise CriteriaError(str(error)) from error


@dataclass(frozen=True)
class Bench:
    """What a tuning is done with."""

    question: Question
    asker: Asker
    parts: Mapping[str, Sequence[Pair]]
    seed: int

    def make_candidates(self, base: Mapping[str, Any]) -> tuple[Candidate, ...]:
        """The judge as it is, and others by what it and people say of the training part."""
        training = self.parts[TRAINING]
        held_out = (*self.parts[VALIDATION], *self.parts[TEST])
        said = self.judge(training, base, about=TRAINING, held_out=held_out)
        advice = self.asker.conduct(
            advise(training, said, self.question, held_out=held_out, seed=self.seed)
        )
        examples = draw_examples(training, self.question, seed=self.seed)
        return list_candidates(base, advice, examples)

    def validate(self, candidate: Candidate) -> FoundCandidate:
        """A candidate's agreement on the validation part."""
        pairs = self.parts[VALIDATION]
        said = self.judge(pairs, candidate.settings, about=VALIDATION, held_out=self.parts[TEST])
        count, of = _by_rater(pairs, agreement_of(pairs, said))
        return FoundCandidate(
            candidate.name,
            json.dumps(candidate.settings, ensure_ascii=False),
            share_of(count, of),
            sum(each is None for each in said),
        )

    def test(self, base: Candidate, winner: Candidate) -> tuple[Figure, Figure, Figure]:
        """The agreement of both on the test part, and the second less the first.

        Where the judge as it is has won, nothing is gained.
        """
        pairs = self.parts[TEST]
        sums = [
            _by_rater(pairs, agreement_of(pairs, self.judge(pairs, each.settings, about=TEST)))
            for each in ((base,) if winner == base else (base, winner))
        ]
        figures = [share_of(*each) for each in sums]
        if winner == base:
            return figures[0], figures[0], NOTHING
        return figures[0], figures[1], difference_of(*sums[1], *sums[0])

    def judge(
        self,
        pairs: Sequence[Pair],
        settings: Mapping[str, Any],
        *,
        about: str,
        held_out: Sequence[Pair] = (),
    ) -> tuple[Outcome | None, ...]:
        """What the judge says of pairs, with these settings."""
        shown = Settings.parse(settings, PROTOCOL).showing(exchanges_of(self.parts[TRAINING]))
        steps = judge_pairs(
            pairs, self.question, shown, seed=self.seed, about=about, held_out=held_out
        )
        return self.asker.conduct(steps)


def _by_rater(
    pairs: Sequence[Pair], agreed: Sequence[float | None]
) -> tuple[FloatArray, FloatArray]:
    """Sum and number of agreements by rater; what was not judged is in neither."""
    _, code = np.unique([pair.rater for pair in pairs], return_inverse=True)
    size = int(code.max()) + 1
    value = np.array([0.0 if each is None else each for each in agreed])
    is_judged = np.array([each is not None for each in agreed], float)
    return total(code, size, value), total(code, size, is_judged)


def _value(figure: Figure) -> float:
    """By what candidates are chosen; one of which too little could be read is never chosen."""
    return -1.0 if figure.n < FEWEST_PAIRS else figure.value
