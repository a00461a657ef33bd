"""Names that a hidden model might give away, and questions that ask it to.

Pure text in, text out. Masking both sides by the same names keeps the mask itself from telling:
were only a side's own names masked, a mask over "Google Docs" would say whose side it is.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

MASK: Final = "[name hidden]"

# Vendors and families whose names mean nothing else. A version may follow: GPT-4o, Claude 3.5.
PLAIN_NAMES: Final = (
    "ChatGPT", "GPT", "OpenAI", "o1-mini", "o1-preview", "o3-mini", "Anthropic", "Claude",
    "Claude Opus", "Claude Sonnet", "Claude Haiku", "DeepSeek", "Qwen", "QwQ", "Tongyi Qianwen",
    "Mistral AI", "Mistral", "Mixtral", "Ministral", "Codestral", "Pixtral", "Llama", "Grok", "xAI",
    "DeepMind", "Google DeepMind", "Google Bard", "Google Gemini", "Google AI", "Gemini Pro",
    "Gemini Flash", "Gemini Ultra", "Gemma", "Cohere", "Command R", "Nemotron", "Moonshot AI",
    "Kimi", "Zhipu AI", "ChatGLM", "MiniMax AI", "ERNIE Bot", "Doubao", "Hunyuan", "StableLM",
    "Vicuna", "WizardLM",
    "DBRX", "OLMo", "Perplexity AI", "Inflection AI", "AI21 Labs", "Aleph Alpha", "Hugging Face",
    "Meta AI", "Microsoft Copilot", "GitHub Copilot", "Amazon Nova", "Amazon Titan",
)  # fmt: skip
# Scripts that put no spaces between words.
_UNSPACED: Final = ("通义千问", "文心一言", "豆包", "深度求索", "智谱")
# With a version these are models and nothing else: Gemini 1.5, Phi-3.
VERSIONED_NAMES: Final = ("Gemini", "Phi", "GLM", "PaLM")
# Words, or firms that one talks about: names only where the text says who speaks.
WORD_NAMES: Final = (
    "Google", "Meta", "Microsoft", "Amazon", "Apple", "Nvidia", "IBM", "Alibaba", "Baidu",
    "Tencent", "ByteDance", "Gemini", "Nova", "Phi", "Copilot", "Bard", "Falcon", "Granite",
    "Perplexity", "Inflection", "Pi", "Command", "Titan", "Orca", "Yi", "Reka", "Jamba",
)  # fmt: skip

_VERSION: Final = (
    r"[ \-_.]?v?\d+(?:\.\d+)*[^\W_]*"
    r"(?:[ \-](?:pro|mini|nano|flash|turbo|opus|sonnet|haiku|instruct|chat|large|small|medium|"
    r"ultra|lite|max|plus|\d+b)\b){0,2}"
)
_SAYS_WHO: Final = (
    r"\b(?:I(?:\s+am|['’]m)|my\s+name\s+is|call\s+me|here\s+at|work(?:ing)?\s+(?:for|at)|"
    r"my\s+(?:developer|maker|creator)s?\s+(?:is|are|at)|"
    r"I(?:\s+am|['’]m|\s+was|['’]ve\s+been|\s+have\s+been)\s+(?:\w+,?\s+){0,6}?(?:by|from|at|of)|"
    r"(?:model|assistant|AI|LLM|chatbot),?\s+(?:\w+\s+){0,4}?(?:by|from|at))"
    r"\s+(?:(?:the|team|people|a|an|at)\s+)*[*_\"'“‘`]*"
)
_BEGINS, _ENDS = r"(?<![^\W_])", r"(?![^\W_])"

# How much of a growing text is held back at least: a name and what may follow it.
_HELD_WORDS: Final = 7
_HELD_SIGNS: Final = 80

_PROBES: Final = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        (
            r"\b(?:which|what|wich)\s+(?:\w+[\s-]+){0,4}?(?:model|llm|ai|a\.i\.|chatbot|bot|"
            r"version|assistant|gpt)\s+(?:exactly\s+)?(?:are|r)\s+(?:you|u|this)\b"
        ),
        (
            r"\b(?:which|what)\s+(?:\w+\s+){0,3}?(?:model|llm|ai|chatbot|version)\s+(?:is\s+this|"
            r"am\s+i\s+(?:talking|speaking|chatting|writing)|do\s+you\s+(?:use|run))"
        ),
        (
            r"\b(?:who|what)\s+(?:are|r)\s+(?:you|u)(?=\s*(?:$|[?.!,;]|really|exactly|anyway|called|"
            r"based\s+on|running\s+on|powered\s+by|made\s+by|made\s+of))"
        ),
        (
            r"\bwho(?:['’]s|\s+has|\s+had|\s+is)?\s+(?:\w+\s+)?(?:made|created|built|trained|developed|"
            r"designed|owns|programmed|behind|runs)\s+(?:you|u)\b"
        ),
        r"\b(?:who|which\s+company)\s+(?:are|were)\s+you\s+(?:made|created|built|trained|developed)",
        r"\b(?:made|created|built|trained|developed|owned|powered)\s+you\s*\?",
        (
            r"\byou\s+(?:were\s+|are\s+)?(?:made|created|built|trained|developed|powered)\s+by\s+"
            r"(?:who|whom|which|what)\b"
        ),
        (
            r"\b(?:what|which)(?:['’]s|\s+is|\s+are)?\s+your\s+(?:real\s+|own\s+|actual\s+|exact\s+)?"
            r"(?:name|model|version|developer|maker|creator|manufacturer|provider|system\s+prompt|"
            r"(?:knowledge|training)\s+cut-?\s?off)"
        ),
        (
            r"\b(?:tell|give|say|reveal|show|repeat|state|print)\s+(?:me\s+|us\s+)?your\s+(?:real\s+|"
            r"own\s+|actual\s+|full\s+)?(?:name|model|version|developer|creator|maker|identity|"
            r"system\s+prompt|initial\s+instructions)"
        ),
        (
            r"\b(?:are|r)\s+(?:you|u)\s+(?:really\s+|actually\s+|based\s+on\s+|made\s+by\s+|an?\s+|"
            r"the\s+|from\s+|by\s+|running\s+on\s+|powered\s+by\s+)*(?:chat\s?gpt|gpt|open\s?ai|claude|"
            r"anthropic|gemini|bard|google|llama|meta\s+ai|mistral|deep\s?seek|qwen|grok|xai|copilot|"
            r"cohere|kimi|alexa|siri)"
        ),
        r"\bidentify\s+yourself\b",
        r"\b(?:what|which)\s+company\s+(?:are\s+you|do\s+you|made|built|created|trained)",
    )
)


def mask_identity(text: str, names: Iterable[str]) -> tuple[str, int]:
    """The text with every name masked, and how many masks that took.

    `names` are masked wherever they stand, whatever their case and however their parts are
    joined ("Cedar 9B", "cedar-9b"); common vendors and model families too. Firms that are also
    topics ("Google") are masked only where the text says who speaks: "I was trained by Google".
    """
    return _masked_until(text, len(text), frozenset(names))


def mask_growing(text: str, names: Iterable[str]) -> tuple[str, int]:
    """`mask_identity` of a text that is still being written, without the tail that may change.

    The last words are held back, since a name may be arriving there. What is given for a text
    is the beginning of what is given for any longer one, so nothing flashes up and goes.
    """
    kept = frozenset(names)
    return _masked_until(text, _matcher(kept).settled_length(text), kept)


def is_identity_probe(text: str) -> bool:
    """Whether a rater's message asks who the model is or who made it, in English."""
    return any(probe.search(text) for probe in _PROBES)


def _masked_until(text: str, end: int, names: frozenset[str]) -> tuple[str, int]:
    """The text masked up to `end`, or up to the name that stands across it."""
    parts, masks, position = [], 0, 0
    for begins, ends in _name_spans(text, names):
        if ends > end:
            end = min(end, begins)
            break
        if begins < position:
            continue  # Its beginning is masked already.
        parts += [text[position:begins], MASK]
        position, masks = ends, masks + 1
    return "".join([*parts, text[position:end]]), masks


def _name_spans(text: str, names: frozenset[str]) -> list[tuple[int, int]]:
    """Where names stand, in order; some may overlap."""
    spans = _matcher(names).spans(text)
    # Few texts hold one of these words at all, and the pattern is slow: a page reads it often.
    if not _SAID_WORDS.isdisjoint(re.findall(r"[^\W\d_]+", text.lower())):
        spans += [match.span("name") for match in _SAID.finditer(text)]
    return sorted(spans, key=lambda span: (span[0], -span[1]))


@dataclass(frozen=True)
class _Matcher:
    """Finds what is a name wherever it stands.

    `keys` are the words that names begin with, in lower case: a search for each of them and the
    pattern where it stands is twenty times faster than the pattern everywhere.
    """

    pattern: re.Pattern[str]
    keys: tuple[str, ...]
    held_words: int
    held_signs: int

    def spans(self, text: str) -> list[tuple[int, int]]:
        lower = text.lower()
        if len(lower) != len(text):  # As with a Turkish İ: places differ.
            return [match.span() for match in self.pattern.finditer(text)]
        found = []
        for key in self.keys:
            place = lower.find(key)
            while place >= 0:
                if match := self.pattern.match(text, place):
                    found.append(match.span())
                place = lower.find(key, place + 1)
        return found

    def settled_length(self, text: str) -> int:
        """How much of a growing text may be shown: all but so many words, or so many signs."""
        tail = max(0, len(text) - self.held_signs)
        words = [word.start() for word in re.finditer(r"\S+", text[tail:])]
        return tail + words[-self.held_words] if len(words) > self.held_words else tail


@lru_cache(maxsize=256)
def _matcher(own: frozenset[str]) -> _Matcher:
    names = [*(name for name in own if _is_telling(name)), *PLAIN_NAMES]
    pattern = re.compile(
        rf"{_BEGINS}(?:(?:{_any_of(names)})(?:{_VERSION})?|"
        rf"(?:{_any_of(VERSIONED_NAMES)}){_VERSION}){_ENDS}|{'|'.join(_UNSPACED)}",
        re.IGNORECASE,
    )
    firsts = {_parts(name)[0].lower() for name in (*names, *VERSIONED_NAMES, *_UNSPACED)}
    keys = [k for k in firsts if not any(k != each and k.startswith(each) for each in firsts)]
    return _Matcher(
        pattern,
        tuple(sorted(keys)),
        held_words=max([_HELD_WORDS, *(len(_parts(name)) + 4 for name in own)]),
        held_signs=max([_HELD_SIGNS, *(2 * len(name) + 40 for name in own)]),
    )


def _parts(name: str) -> list[str]:
    return re.findall(r"[^\W_]+", name)


def _is_telling(name: str) -> bool:
    """A single letter or a bare number would mask every other line."""
    return len("".join(_parts(name))) > 1 and not name.strip().isdigit()


def _any_of(names: Iterable[str]) -> str:
    """The names as alternatives, the longest first; their parts joined in any usual way."""
    ordered = sorted(set(names), key=lambda name: (-len(name), name))
    return "|".join(r"[\s\-_.:/]?".join(map(re.escape, _parts(name))) for name in ordered)


_SAID: Final = re.compile(
    rf"{_SAYS_WHO}(?P<name>(?:{_any_of(WORD_NAMES)})(?:{_VERSION})?){_ENDS}", re.IGNORECASE
)
_SAID_WORDS: Final = frozenset(name.lower() for name in WORD_NAMES)
