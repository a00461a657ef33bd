from django.apps import AppConfig

from studies.append_only import Refusal, append_only, keep_installed

IN_A_BATTLE = """
SELECT 1 FROM studies_contestant c JOIN raters_battle b ON c.id IN (b.side_a_id, b.side_b_id)
WHERE c.chat_model_id = OLD.id
"""

HAS_RATERS = "SELECT 1 FROM raters_participation p WHERE p.study_id = OLD.id"
HAS_BATTLES = "SELECT 1 FROM raters_battle b WHERE b.task_id = OLD.id"
IS_ANSWERED = """
SELECT 1 FROM raters_checkanswer a WHERE a.attention_check_id = OLD.id
UNION ALL SELECT 1 FROM raters_battle b WHERE b.attention_check_id = OLD.id
"""

ROWS = ("NEW", "OLD")
HAS_RUNS = "SELECT 1 FROM raters_judgerun r WHERE r.judge_id = {judge}"

# The places taken in a quota: by whoever is in its cell, or in a cell of its group.
TAKEN = """
SELECT COUNT(*) FROM raters_participation p
WHERE p.study_id = {quota}.study_id AND p.state IN ({states}) AND {who}
AND (p.cell_id = {quota}.cell_id OR p.cell_id IN (
    SELECT cg.cell_id FROM studies_cellgroup cg WHERE cg.group_id = {quota}.group_id))
"""

IN_A_FULL_QUOTA = """
SELECT 1 FROM studies_quota q
WHERE q.study_id = NEW.study_id
AND (q.cell_id = NEW.cell_id OR q.group_id IN (
    SELECT cg.group_id FROM studies_cellgroup cg WHERE cg.cell_id = NEW.cell_id))
AND q.target <= ({taken})
"""


class RatersConfig(AppConfig):
    name = "raters"
    verbose_name = "Raters"

    def ready(self) -> None:
        keep_installed(self, refusals)


def refusals() -> tuple[Refusal, ...]:
    """What the database refuses here beyond constraints."""
    from raters.models import Exclusion, Rating, Verdict
    from studies.models import AttentionCheck, ChatModel, Study, Task

    asked = ("kind", "question", "answers", "accepted", "fault")
    changed = " OR ".join(f"OLD.{field} <> NEW.{field}" for field in asked)
    pinned = " OR ".join(f"OLD.{field} <> NEW.{field}" for field in ChatModel.PINNED)
    return (
        *append_only(
            Verdict, "A verdict is never changed or deleted; exclude it from boards instead"
        ),
        *append_only(
            Rating, "A rating is never changed or deleted; exclude it from boards instead"
        ),
        Refusal(Exclusion, "DELETE", "An exclusion is never deleted; lift it instead"),
        Refusal(
            ChatModel,
            "UPDATE",
            "A chat model that has been in a battle keeps its pinned fields; make a new version",
            f"({pinned}) AND EXISTS ({IN_A_BATTLE})",
        ),
        Refusal(
            Study,
            "UPDATE",
            "A study that has raters keeps its protocol; clone it for another one",
            f"OLD.protocol <> NEW.protocol AND EXISTS ({HAS_RATERS})",
        ),
        Refusal(
            Task,
            "UPDATE",
            "A task that a battle has keeps its words; they are on record",
            "(OLD.area <> NEW.area OR OLD.category <> NEW.category OR OLD.name <> NEW.name "
            f"OR OLD.text <> NEW.text) AND EXISTS ({HAS_BATTLES})",
        ),
        Refusal(
            AttentionCheck,
            "UPDATE",
            "An attention check that was answered keeps its words; they are on record",
            f"({changed}) AND EXISTS ({IS_ANSWERED})",
        ),
        *_judges_keep_their_word(),
        *_no_more_places_than_quotas(),
    )


def _judges_keep_their_word() -> tuple[Refusal, ...]:
    """What a judge said stays, but for words that are erased, and so does what it was asked."""
    from raters.models import Judge, JudgeMember, JudgeVerdict

    said = ("judgement_id", "dimension_id", "outcome", "recorded_at")
    changed = " OR ".join(f"OLD.{field} <> NEW.{field}" for field in said)
    pinned = " OR ".join(f"OLD.{field} <> NEW.{field}" for field in Judge.PINNED)
    final = "What a judge said is never changed or deleted"
    asked = "A judge that has a run keeps what it is asked; make a new version"
    of_new, of_old = (f"EXISTS ({HAS_RUNS.format(judge=f'{row}.judge_id')})" for row in ROWS)
    return (
        Refusal(JudgeVerdict, "UPDATE", final, changed),
        Refusal(JudgeVerdict, "DELETE", final),
        Refusal(
            Judge, "UPDATE", asked, f"({pinned}) AND EXISTS ({HAS_RUNS.format(judge='OLD.id')})"
        ),
        Refusal(JudgeMember, "INSERT", asked, of_new),
        Refusal(JudgeMember, "UPDATE", asked, f"{of_new} OR {of_old}"),
        Refusal(JudgeMember, "DELETE", asked, of_old),
    )


def _no_more_places_than_quotas() -> tuple[Refusal, ...]:
    """Nobody comes in through a full quota, and no quota falls below the places taken.

    On PostgreSQL two transactions don't see each other's places: it is the service's lock that
    holds them apart. This is for what counts wrongly, or not at all.
    """
    from raters.models import Participation
    from studies.models import Quota
    from studies.planning import TAKES_A_PLACE

    states = ", ".join(f"'{state}'" for state in TAKES_A_PLACE)
    takes = f"NEW.state IN ({states})"
    moves_in = (
        f"(OLD.state NOT IN ({states}) OR OLD.study_id <> NEW.study_id "
        "OR COALESCE(OLD.cell_id, 0) <> COALESCE(NEW.cell_id, 0))"
    )
    by_anybody = TAKEN.format(quota="q", states=states, who="1 = 1")
    by_others = TAKEN.format(quota="q", states=states, who="p.id <> OLD.id")
    comes_in_full = f"{takes} AND EXISTS ({IN_A_FULL_QUOTA.format(taken=by_anybody)})"
    moves_in_full = f"{takes} AND {moves_in} AND EXISTS ({IN_A_FULL_QUOTA.format(taken=by_others)})"
    too_few = f"NEW.target < ({TAKEN.format(quota='NEW', states=states, who='1 = 1')})"
    full = "A quota of this rater has no place left"
    below = "A quota never falls below the places that are taken"
    return (
        Refusal(Participation, "INSERT", full, comes_in_full),
        Refusal(Participation, "UPDATE", full, moves_in_full),
        Refusal(Quota, "INSERT", below, too_few),
        Refusal(Quota, "UPDATE", below, too_few),
    )
