"""Writing what a judge is asked: a template, the questions, and the conversation inside a fence."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from importlib import resources
from string import Template
from typing import Final

from raters.judging.answers import Schema, a_text, sketch
from raters.judging.calls import Call
from raters.judging.cases import Case, Exchange, Question, Side
from raters.judging.fence import Line, check_fence, draw_fence, write_lines
from raters.judging.orders import LABELS
from raters.judging.settings import Settings
from studies.providers import Message, Role

# Of a longer text the beginning is judged, and that it goes on is said.
LONGEST_TEXT: Final = 20_000


def write_call(
    key: str,
    template: str,
    lines: Iterable[Line],
    schema: Schema,
    settings: Settings,
    *,
    seed: int,
    **parts: str,
) -> Call:
    """A call whose message is a template of this package's `prompts`, filled.

    `lines` are the data; `parts` are words of the study's admin, which the template names.
    """
    data = write_lines(_cut(line) for line in lines)
    fence = draw_fence(data, seed=f"{seed}:{key}")
    check_fence(data, fence=fence)
    text = _template(template).substitute(
        parts,
        data=_template("data").substitute(fence=fence, lines=data).strip(),
        answer=sketch(schema),
    )
    return Call(
        key=key,
        messages=(Message(Role.USER, text.strip()),),
        schema=schema,
        temperature=settings.temperature,
        wants_logprobs=settings.logprobs,
    )


@cache
def digest_of_prompts() -> str:
    """SHA-256 over every prompt file: it tells whether two runs were asked in the same words."""
    digest = hashlib.sha256()
    for file in sorted(resources.files("raters.judging.prompts").iterdir(), key=lambda f: f.name):
        if file.name.endswith((".txt", ".toml")):
            digest.update(file.name.encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()


def list_questions(questions: Sequence[Question]) -> str:
    """Dimensions by key, one on a line, with what raters are asked and told."""
    return "\n".join(
        f"- {question.key} ({_on_one_line(question.name)}): "
        + _on_one_line(f"{question.question} {question.help}")
        for question in questions
    )


def list_rubric(questions: Sequence[Question], settings: Settings) -> str:
    """What the rubric says of each dimension that it speaks of, in a paragraph or a list."""
    parts = []
    for question in questions:
        said = settings.rubric.get(question.key, ())
        items = said if len(said) == 1 else [f"- {_on_one_line(item)}" for item in said]
        parts += [f"{question.key}:", *items] if said else []
    return "\n".join(parts)


def items_of(question: Question, settings: Settings) -> dict[str, str]:
    """The items of a dimension's rubric by the names that they have in calls."""
    items = settings.rubric.get(question.key, ())
    return {f"item_{n}": _on_one_line(item) for n, item in enumerate(items, start=1)}


def a_reason(settings: Settings) -> Schema:
    """The reason that stands before what it is for, so that it is found and not made up."""
    return a_text(f"why, in at most {settings.max_words} words")


def pair_lines(case: Case, shown: Sequence[Side]) -> Iterator[Line]:
    """The conversation with both sides, under neutral labels in the order shown."""
    yield from task_lines(case)
    conversations = [case.alone(side) for side in shown]
    for turn, message in enumerate(case.messages, start=1):
        yield {"turn": turn, "who": "person", "text": message}
        for label, conversation in zip(LABELS, conversations, strict=True):
            yield {"turn": turn, "who": label, "text": conversation[turn - 1].replies[0]}


def side_lines(case: Case, side: Side) -> Iterator[Line]:
    """The conversation with one side only."""
    yield from task_lines(case)
    yield from exchange_lines(case.alone(side))


def message_lines(case: Case) -> Iterator[Line]:
    """What the rater said, and no replies."""
    yield from task_lines(case)
    for turn, message in enumerate(case.messages, start=1):
        yield {"turn": turn, "who": "person", "text": message}


def list_besides(settings: Settings) -> str:
    """What the study's admin says besides, and what examples are; nothing where there is none."""
    parts = []
    if any(example.exchanges for example in settings.examples):
        parts.append(
            'Lines with an "example" are earlier conversations, each with the winner that its '
            "person\nnamed. They show what people prefer; judge only the conversation after them."
        )
    if settings.instructions:
        parts.append(f"The study's admin adds:\n{settings.instructions}")
    return "".join(f"\n{part}\n" for part in parts)


def example_lines(questions: Sequence[Question], settings: Settings) -> Iterator[Line]:
    """The examples, under labels that are nobody's in the conversation that is judged.

    Of one whose conversation was not read, or is gone, nothing is shown.
    """
    shown = [example for example in settings.examples if example.exchanges]
    for number, example in enumerate(shown, start=1):
        for turn, exchange in enumerate(example.exchanges, start=1):
            place = {"example": number, "turn": turn}
            yield {**place, "who": "example person", "text": exchange.message}
            for label, reply in zip(LABELS, exchange.replies, strict=True):
                yield {**place, "who": f"example {label}", "text": reply}
        for key in (each.key for each in questions if each.key in example.winner):
            yield {
                "example": number,
                "about": key,
                "who": "example winner",
                "text": example.winner[key],
            }


def reference_lines(case: Case) -> Iterator[Line]:
    """What a person replied to the first message, if anybody did."""
    if case.reference:
        yield {"turn": 1, "who": "human reference", "text": case.reference}


def task_lines(case: Case) -> Iterator[Line]:
    """What the rater was to talk about, if she was given a task."""
    if case.task:
        yield {"who": "task", "text": case.task}


def exchange_lines(exchanges: Iterable[Exchange], **more: str) -> Iterator[Line]:
    """A conversation with one side; `more` stands in each of its lines."""
    for turn, exchange in enumerate(exchanges, start=1):
        yield {**more, "turn": turn, "who": "person", "text": exchange.message}
        yield {**more, "turn": turn, "who": "assistant", "text": exchange.replies[0]}


def _cut(line: Line) -> Line:
    text = str(line["text"])
    if len(text) <= LONGEST_TEXT:
        return line
    return {**line, "text": text[:LONGEST_TEXT], "cut_characters": len(text) - LONGEST_TEXT}


def _on_one_line(text: str) -> str:
    return " ".join(text.split())


@cache
def _template(name: str) -> Template:
    prompts = resources.files("raters.judging") / "prompts"
    return Template((prompts / f"{name}.txt").read_text(encoding="utf-8"))
