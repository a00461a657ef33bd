"""The electorates that are shipped, against the published tables they were taken from."""

import csv
import math
from collections import Counter

import pytest

from studies.census import ElectorateError, cell_shares, load_shipped, shipped_electorates
from tests.data import data_file

CENSUS = [
    ("us-2023", "us_2023_adults_bands.csv", "race_ethnicity", 84),
    ("ew-2021", "ew_2021_adults_bands.csv", "ethnicity", 60),
]


def rows(name):
    with data_file(f"census/{name}").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def margin(spec, axis):
    return {group.name: group.share for group in spec.axis_for(axis).groups}


def test_two_electorates_are_shipped():
    assert shipped_electorates() == ("ew-2021", "us-2023")


@pytest.mark.parametrize("slug", shipped_electorates())
def test_a_shipped_electorate_is_complete(slug):
    spec = load_shipped(slug)
    assert spec.slug == slug
    assert spec.description
    for source in spec.sources:
        assert source.publisher
        assert source.table
        assert source.year
        assert source.licence
        assert source.note
    used = {group.source for axis in spec.axes for group in axis.groups}
    assert used == {source.key for source in spec.sources}
    assert math.fsum(cell_shares(spec).values()) == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize(("slug", "cells"), [("us-2023", 252), ("ew-2021", 360)])
def test_a_shipped_electorate_has_a_cell_for_each_combination(slug, cells):
    shares = cell_shares(load_shipped(slug))
    assert len(shares) == cells
    assert min(shares.values()) > 0


@pytest.mark.parametrize(("slug", "name", "column", "count"), CENSUS)
def test_census_shares_are_those_of_the_published_table(slug, name, column, count):
    spec = load_shipped(slug)
    published = rows(name)
    total = sum(int(row["population"]) for row in published)
    assert len(published) == len(spec.joint.shares) == count
    axes = [spec.axis_for(key) for key in ("age", "sex", "ethnicity")]
    for row in published:
        values = (row["age_band"], row["sex"], row[column])
        cell = tuple(axis.group_for(value).key for axis, value in zip(axes, values, strict=True))
        share = spec.joint.shares[cell]
        assert share == pytest.approx(int(row["population"]) / total, rel=1e-12)
        # The table's own column has eight decimals.
        assert share == pytest.approx(float(row["share"]), abs=5.1e-9)


@pytest.mark.parametrize(("slug", "name", "column", "count"), CENSUS)
def test_the_margins_of_the_census_axes_are_sums_of_the_table(slug, name, column, count):
    spec = load_shipped(slug)
    published = rows(name)
    total = sum(int(row["population"]) for row in published)
    for axis, of_table in (("age", "age_band"), ("sex", "sex"), ("ethnicity", column)):
        people = Counter()
        for row in published:
            people[row[of_table]] += int(row["population"])
        expected = {group: number / total for group, number in people.items()}
        assert margin(spec, axis) == pytest.approx(expected, rel=1e-12)


def test_party_identification_is_the_published_average_normalised():
    published = {
        row["party"]: int(row["percent"])
        for row in rows("party_shares_published.csv")
        if (row["country"], row["year"], row["measure"]) == ("US", "2025", "identify")
    }
    assert sum(published.values()) == 99
    expected = {party: percent / 99 for party, percent in published.items()}
    assert margin(load_shipped("us-2023"), "party") == pytest.approx(expected)


def test_the_vote_is_the_sum_of_both_nations():
    names = {
        "Lab": "Labour",
        "Con": "Conservative",
        "RUK": "Reform UK",
        "LD": "Liberal Democrat",
        "Green": "Green",
    }
    votes = Counter()
    for row in rows("uk_general_election_2024.csv"):
        if row["nation"] in {"England", "Wales"}:
            votes[names.get(row["party"], "Other party")] += int(row["votes"])
    assert votes.total() == 24_294_936 + 1_319_076
    expected = {party: number / votes.total() for party, number in votes.items()}
    assert margin(load_shipped("ew-2021"), "vote") == pytest.approx(expected, rel=1e-12)


def test_an_electorate_that_is_not_shipped_is_refused_with_those_that_are():
    for slug in ("fr-2021", "us_2023", "../census/us-2023"):
        with pytest.raises(ElectorateError, match="there are: ew-2021, us-2023"):
            load_shipped(slug)
