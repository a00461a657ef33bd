"""What may lead to a person is masked in a text that others are to read."""

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raters.quality.personal import (
    ADDRESS_HIDDEN,
    LINK_HIDDEN,
    NUMBER_HIDDEN,
    mask_personal,
)


@pytest.mark.parametrize(
    "address",
    [
        "ann@example.org",
        "Ann.B-Lee+tea@mail.example.co.uk",
        "ann @ example.org",
        "ann (at) example (dot) org",
        "ann[at]example.org",
        "änne@exämple.de",
        "@ann_b.lee",
    ],
)
def test_an_address_is_masked(address: str) -> None:
    assert mask_personal(f"Write to {address}, please") == f"Write to {ADDRESS_HIDDEN}, please"


@pytest.mark.parametrize(
    "link",
    [
        "https://example.org/ann?x=1#y",
        "http://10.0.0.1/",
        "ftp://example.org",
        "www.example.museum/ann",
        "example.com",
        "my-shop.example.co.uk/about",
        "t.me/ann",
    ],
)
def test_a_link_is_masked(link: str) -> None:
    assert mask_personal(f"see {link} for more") == f"see {LINK_HIDDEN} for more"


@pytest.mark.parametrize(
    "number",
    [
        "+44 20 7946 0958",
        "(020) 7946 0958",
        "202-555-0143",
        "5550143",
        "+1.202.555.0143",
        "0151/1234567",
        "4111 1111 1111 1111",
        "078-05-1120",
        "12/05/1984",
    ],
)
def test_a_long_number_is_masked(number: str) -> None:
    assert mask_personal(f"call {number} now") == f"call {NUMBER_HIDDEN} now"


@pytest.mark.parametrize(
    "text",
    [
        "A was better, 9 of 10 times.",
        "It said 1,000,000 people live there, and 3.14 is pi.",
        "From 1939-1945 and 2020–2024.",
        "At 10.30 it gave 2 recipes for 4-6 people: 350 g flour.",
        "A/B, and/or; i.e. the shorter one...",
        "B was clear.In the end it also asked.me too",
        "No. 1 was 100% right",
        "",
    ],
)
def test_what_leads_to_nobody_stays(text: str) -> None:
    assert mask_personal(text) == text


def test_several_in_one_text_are_each_masked() -> None:
    text = "I am ann@example.org or 202-555-0143, see https://example.org."
    masked = mask_personal(text)
    assert masked == f"I am {ADDRESS_HIDDEN} or {NUMBER_HIDDEN}, see {LINK_HIDDEN}"


@given(st.text(max_size=200))
def test_masking_again_changes_nothing_and_no_long_number_is_left(text: str) -> None:
    masked = mask_personal(text)
    assert mask_personal(masked) == masked
    assert re.search(r"\d{7}", masked) is None


@pytest.mark.parametrize("sign", ["a", "a.", "1", "1 ", "@", "-", "a(at)", "www.", "a@a.", "+"])
def test_a_long_text_of_one_sign_takes_no_time(sign: str) -> None:
    before = time.perf_counter()
    mask_personal(sign * (8_000 // len(sign)))
    assert time.perf_counter() - before < 1
