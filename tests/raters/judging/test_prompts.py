"""What each protocol asks about one small case, word for word.

After a change that is meant: HUSTINGS_REWRITE=prompts, and read the difference.
"""

import os
from pathlib import Path

import pytest

from raters.judging.protocols import PROTOCOLS
from raters.judging.settings import Settings
from tests.raters.judging.judges import NEEDS, QUESTIONS, Judge, conduct, pair

FOLDER = Path(__file__).parent / "prompts"


@pytest.mark.parametrize("key", PROTOCOLS)
def test_a_prompt_is_as_it_was(key: str) -> None:
    judge = Judge()
    settings = Settings.parse(NEEDS.get(key, {}), PROTOCOLS[key])
    conduct(PROTOCOLS[key].judge(pair(), QUESTIONS, settings, seed=1), judge)
    # The second call of a step differs from its first by the side or the order alone.
    asked = {call.key.partition(":")[0]: call for call in reversed(judge.asked)}
    written = "\n\n".join(
        f"=== {call.key}\n{call.messages[0].content}" for call in reversed(asked.values())
    )
    golden = FOLDER / f"{key}.txt"
    if "prompts" in os.environ.get("HUSTINGS_REWRITE", "").split(","):
        golden.write_text(written + "\n", encoding="utf-8")
    assert written + "\n" == golden.read_text(encoding="utf-8")


def test_every_template_is_asked_by_a_protocol() -> None:
    golden = "".join(path.read_text(encoding="utf-8") for path in FOLDER.glob("*.txt"))
    templates = Path(__file__).parents[3] / "raters" / "judging" / "prompts"
    for template in templates.glob("*.txt"):
        longest = max(template.read_text(encoding="utf-8").splitlines(), key=len)
        assert longest in golden
