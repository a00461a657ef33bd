"""Whom to believe where raters overlap: the model of Dawid and Skene (1979).

Each of I items has an unknown true label among L. A rater gives label l to an item whose truth
is k with probability π_r(k, l), whatever the item. Items' truths and raters' confusions are
estimated together by expectation-maximisation.

A rater of few labels borrows from the crowd: her confusion starts from `smoothing` labels spread
as everybody's are. On the sets of shared crowd data this loses no accuracy against smoothing
towards nothing, and finds poor workers better (`hustings.benchmarks.careless`).
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

# Labels of the crowd that each rater's own are added to.
SMOOTHING: Final = 4.0
# Items of each class, and labels of each kind, that the crowd is thought to have had before.
PRIOR: Final = 1.0
# Largest change of a posterior at which the steps end.
SETTLED: Final = 1e-3
MAX_STEPS: Final = 500

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True)
class Crowd:
    """What R raters' labels of I items say about both.

    `posterior` (I, L) of each item's truth; an item without labels has the prior's.
    `confusion` (R, L, L): row of the truth, column of the label, rows adding up to 1. `prior`
    (L,) of the truth. `log_likelihood` of the labels, in nats. `labels` (R,) is how many each
    rater gave.

    `reliability` (R,), 0 to 1, is the expected share of a rater's labels that are true, the
    truth being what all others' labels say; NaN without labels. `information` (R,) in bits is
    the mutual information of her label and the truth: 0 for one who always says the same.
    """

    posterior: FloatArray
    confusion: FloatArray
    prior: FloatArray
    log_likelihood: float
    labels: IntArray
    reliability: FloatArray
    information: FloatArray
    steps: int
    has_converged: bool


def fit_dawid_skene(
    item: IntArray,
    rater: IntArray,
    label: IntArray,
    *,
    items: int | None = None,
    raters: int | None = None,
    classes: int | None = None,
    smoothing: float = SMOOTHING,
) -> Crowd:
    """Fit the model to N labels: three arrays (N,) of indices from 0.

    Starts from each item's shares of labels and is deterministic. A rater may label an item
    again. With no labels, or an index out of range, ValueError is raised.
    """
    item, rater, label = (np.asarray(index, np.int64) for index in (item, rater, label))
    shape = _shape((item, rater, label), (items, raters, classes))
    data = _Labels.sorted(item, rater, label, shape)
    posterior = data.shares()
    for step in range(1, MAX_STEPS + 1):  # noqa: B007 - how many is told
        confusion, prior = data.maximise(posterior, smoothing)
        before = posterior
        posterior, log_likelihood = data.expect(confusion, prior)
        if np.abs(posterior - before).max() < SETTLED:
            break
    joint = prior[:, np.newaxis] * confusion
    said = joint.sum(axis=1, keepdims=True)
    return Crowd(
        posterior=posterior,
        confusion=confusion,
        prior=prior,
        log_likelihood=log_likelihood,
        labels=np.bincount(rater, minlength=shape[1]),
        reliability=data.reliability(confusion, posterior),
        information=(joint * np.log2(confusion / said)).sum(axis=(1, 2)),
        steps=step,
        has_converged=bool(np.abs(posterior - before).max() < SETTLED),
    )


def majority(item: IntArray, label: IntArray, *, items: int, classes: int) -> FloatArray:
    """Shares (I, L) of the most frequent labels: 1 for a majority, equal parts for a tie."""
    votes = np.zeros((items, classes))
    np.add.at(votes, (item, label), 1)
    most = (votes == votes.max(axis=1, keepdims=True)).astype(float)
    shares: FloatArray = most / most.sum(axis=1, keepdims=True)
    return shares


@dataclass(frozen=True)
class _Labels:
    """Labels sorted by item, and the order of them that sorts by rater and label.

    Sums over sorted stretches are some ten times faster than scattered additions.
    """

    item: IntArray
    rater: IntArray
    label: IntArray
    shape: tuple[int, int, int]
    by_rater: IntArray

    @classmethod
    def sorted(
        cls, item: IntArray, rater: IntArray, label: IntArray, shape: tuple[int, int, int]
    ) -> "_Labels":
        order = np.argsort(item, kind="stable")
        item, rater, label = item[order], rater[order], label[order]
        return cls(item, rater, label, shape, np.argsort(rater * shape[2] + label, kind="stable"))

    def shares(self) -> FloatArray:
        """Shares (I, L) of the labels that each item got; even where it got none."""
        items, _, classes = self.shape
        votes = np.zeros((items, classes))
        np.add.at(votes, (self.item, self.label), 1)
        total = votes.sum(axis=1, keepdims=True)
        shares: FloatArray = np.where(total > 0, votes / np.maximum(total, 1), 1 / classes)
        return shares

    def maximise(self, posterior: FloatArray, smoothing: float) -> tuple[FloatArray, FloatArray]:
        """Confusions (R, L, L) and prior (L,), given the items' posterior."""
        _, raters, classes = self.shape
        cell = (self.rater * classes + self.label)[self.by_rater]
        counts = _sum_stretches(posterior[self.item[self.by_rater]], cell, raters * classes)
        own = counts.reshape(raters, classes, classes).transpose(0, 2, 1)
        crowd = own.sum(axis=0) + PRIOR
        own = own + smoothing * crowd / crowd.sum(axis=1, keepdims=True)
        prior = posterior.sum(axis=0) + PRIOR
        return own / own.sum(axis=2, keepdims=True), prior / prior.sum()

    def expect(self, confusion: FloatArray, prior: FloatArray) -> tuple[FloatArray, float]:
        """Posterior (I, L) of the truths, and the labels' log-likelihood."""
        evidence = np.log(confusion)[self.rater, :, self.label]
        logs = np.log(prior) + _sum_stretches(evidence, self.item, self.shape[0])
        highest = logs.max(axis=1, keepdims=True)
        weights = np.exp(logs - highest)
        total = weights.sum(axis=1, keepdims=True)
        return weights / total, float((highest + np.log(total)).sum())

    def reliability(self, confusion: FloatArray, posterior: FloatArray) -> FloatArray:
        """Each rater's expected share of true labels, her own word on an item left out of it."""
        _, raters, _ = self.shape
        evidence = np.log(confusion)[self.rater, :, self.label]
        pair, hers = np.unique(self.item * raters + self.rater, return_inverse=True)
        word = np.stack([np.bincount(hers, column, len(pair)) for column in evidence.T], axis=1)
        logs = np.log(np.maximum(posterior, np.finfo(float).tiny))[self.item] - word[hers]
        others = np.exp(logs - logs.max(axis=1, keepdims=True))
        others /= others.sum(axis=1, keepdims=True)
        right = others[np.arange(len(self.label)), self.label]
        given = np.bincount(self.rater, minlength=raters)
        with np.errstate(invalid="ignore"):
            share: FloatArray = np.bincount(self.rater, right, raters) / given
        return share


def _sum_stretches(values: FloatArray, index: IntArray, size: int) -> FloatArray:
    """Sums (size, L) of values (N, L) whose sorted index is the same."""
    starts = np.flatnonzero(np.diff(index, prepend=-1))
    sums = np.zeros((size, values.shape[1]))
    sums[index[starts]] = np.add.reduceat(values, starts, axis=0)
    return sums


def _shape(indices: tuple[IntArray, ...], sizes: tuple[int | None, ...]) -> tuple[int, int, int]:
    found = []
    for what, index, size in zip(("item", "rater", "label"), indices, sizes, strict=True):
        if not len(index):
            raise ValueError("There are no labels to learn from.")
        limit = int(index.max()) + 1 if size is None else size
        if index.min() < 0 or index.max() >= limit:
            raise ValueError(f"An index of {what} is not among 0 … {limit - 1}.")
        found.append(limit)
    return found[0], found[1], found[2]
