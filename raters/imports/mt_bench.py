"""Human judgments of MT-bench (Zheng et al. 2023), and those of GPT-4 in the same form.

The verdict after the first of the two turns is on the dimension `turn-1`, after both on `turn-2`.
The question names the conversation, so that what judges say of it finds it.
"""

from collections import Counter
from typing import Final

from raters.imports.plain import Comparison, Record, Rows
from raters.imports.reading import TableFile

COLUMNS: Final = frozenset({"question_id", "model_a", "model_b", "winner", "judge", "turn"})
OUTCOMES: Final = {
    "model_a": "a",
    "model_b": "b",
    "tie": "tie",
    "tie (inconsistent)": "tie",
}
TURNS: Final = {"1": "turn-1", "2": "turn-2"}


def is_mt_bench(header: frozenset[str]) -> bool:
    """Whether a file with these columns is one of MT-bench's."""
    return header >= COLUMNS


def read_mt_bench(file: TableFile) -> Rows:
    """Line numbers and comparisons. Raises ImportRefusedError for what is no such judgment.

    A judge that says something twice of one question, pair and turn has said it in two battles.
    """
    said = Counter[tuple[str, ...]]()
    for line, values in file.records():
        judge = values.get("judge")
        # GPT-4's name stands beside that of its prompt: ["gpt-4", "pair-v2"].
        named = " ".join(map(str, judge)) if isinstance(judge, list) else judge
        record = Record(file, line, {**values, "judge": named})
        rater, question = record.text("judge"), record.text("question_id")
        a, b = record.text("model_a"), record.text("model_b")
        dimension = record.one_of("turn", TURNS)
        key = (rater, question, a, b, dimension)
        said[key] += 1
        again = f" {said[key]}" if said[key] > 1 else ""
        yield (
            line,
            Comparison(
                rater=rater,
                model_a=a,
                model_b=b,
                outcome=record.one_of("winner", OUTCOMES),
                dimension=dimension,
                battle=f"{question} {a} {b}{again}",
                conversation=question,
            ),
        )
