"""What an answer must look like, and reading one that does.

One JSON schema says both what a chat model is asked for and what is taken. Of JSON Schema only
that much is used which every endpoint that holds answers to one understands: no ranges and no
lengths, but lists of values.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

SCORES: Final = (1, 2, 3, 4, 5)
# Of what a judge writes no more is kept, however little of it was asked for.
LONGEST_TEXT: Final = 4_000

Schema = Mapping[str, Any]


def an_object(properties: Mapping[str, Schema]) -> Schema:
    """An object with all of these properties, in this order, and no others."""
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(properties),
        "additionalProperties": False,
    }


def a_text(description: str) -> Schema:
    """A text that says something."""
    return {"type": "string", "description": description}


def texts(description: str) -> Schema:
    """A list of texts."""
    return {"type": "array", "items": a_text(description)}


def one_of(values: Sequence[str] | Sequence[int]) -> Schema:
    """One of these words, or one of these whole numbers."""
    kind = "string" if isinstance(values[0], str) else "integer"
    return {"type": kind, "enum": list(values)}


A_FLAG: Final[Schema] = {"type": "boolean"}
A_SCORE: Final = one_of(SCORES)


def sketch(schema: Schema) -> str:
    """The schema in one line for who reads no schemas: {"reason": "...", "score": 1 or 2 or 3}."""
    if "enum" in schema:
        return " or ".join(json.dumps(value) for value in schema["enum"])
    match schema["type"]:
        case "object":
            parts = (f'"{name}": {sketch(part)}' for name, part in schema["properties"].items())
            return f"{{{', '.join(parts)}}}"
        case "array":
            return f"[{sketch(schema['items'])}, …]"
        case "boolean":
            return "true or false"
        case _:
            return json.dumps(schema["description"], ensure_ascii=False)


def load_json(text: str) -> Any:
    """One JSON value and nothing around it; ValueError for twin names, NaN, and what is no JSON."""
    try:
        return json.loads(text, object_pairs_hook=_without_twins, parse_constant=_no_number)
    except RecursionError as error:
        raise ValueError("it is nested too deep") from error


def read_answer(text: str, schema: Schema) -> Any:
    """The JSON value that a text is, if it is as the schema says; else ValueError, saying where.

    Texts come without what PostgreSQL or UTF-8 refuse, and cut to LONGEST_TEXT.
    """
    try:
        value = load_json(text)
    except ValueError as error:
        raise ValueError(f"it is not one JSON value ({error})") from error
    return _read(value, schema, "the answer")


def _read(value: Any, schema: Schema, where: str) -> Any:
    match schema["type"]:
        case "object":
            return _read_object(value, schema, where)
        case "array":
            return _read_list(value, schema, where)
        case "string" if not isinstance(value, str) or not value.strip():
            raise ValueError(f"{where} is no text that says something")
        case "integer" if type(value) is not int:  # True is an int, and 4.0 equals 4.
            raise ValueError(f"{where} is no whole number")
        case "boolean" if not isinstance(value, bool):
            raise ValueError(f"{where} is neither true nor false")
    if "enum" in schema and value not in schema["enum"]:
        raise ValueError(f"{where} is none of the values that it can have")
    return _storable(value) if isinstance(value, str) else value


def _read_object(value: Any, schema: Schema, where: str) -> dict[str, Any]:
    if not isinstance(value, dict) or value.keys() != schema["properties"].keys():
        names = ", ".join(schema["properties"])
        raise ValueError(f"{where} is no object of {names} and nothing else")
    return {
        name: _read(value[name], part, f"{where}.{name}")
        for name, part in schema["properties"].items()
    }


def _read_list(value: Any, schema: Schema, where: str) -> list[Any]:
    if not isinstance(value, list):
        raise ValueError(f"{where} is no list")  # noqa: TRY004  one error for all of it
    return [_read(item, schema["items"], f"{where}[{place}]") for place, item in enumerate(value)]


def _storable(text: str) -> str:
    """Cut to a length, and without NUL and halves of signs, which JSON can say."""
    whole = text.replace("\0", "").encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return whole[:LONGEST_TEXT]


def _without_twins(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """An object whose names are all different: of two values either could be meant."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice in one object")
    return found


def _no_number(name: str) -> Any:
    raise ValueError(f"{name} is no number")
