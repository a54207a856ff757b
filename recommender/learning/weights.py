"""The weights of the signals: the defaults, and learning them from past windows of the shop's own sales.

First, what a customer buys is seen as a choice among the candidates: item i with the probability
exp(w·f_i) / sum over candidates j of exp(w·f_j), where f are the signals (the conditional logit of McFadden,
"Conditional Logit Analysis of Qualitative Choice Behavior", 1974). The weights w are those that make the
purchases of a past window most likely, held near the defaults by a normal prior, so that a small shop strays
from them only as far as its sales bear out.

The logit wants all purchases of a window to be likely, the hundredth as much as the first, while a list has
room for a few. So from its weights a second step goes on by LambdaRank (Burges, "From RankNet to LambdaRank
to LambdaMART: An Overview", 2010, section 4): each pair of a bought candidate and one that was not pulls the
weights by how much nDCG@n would change if the two changed places. Whether that is better is for the shop's
past to tell.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from recommender.learning.signals import HABIT_PARTS, SIGNALS
from recommender.system.arrays import Bools, Float32s, Float64s, Int64s, starts

_NEW: Mapping[str, float] = {"als": 2.5, "neighbours": 1.8, "week": 0.35, "month": 0.15, "age": -0.45}
_ALL: Mapping[str, float] = {
    "als": 2.5,
    "neighbours": 1.2,
    "habit": 2.7,
    "week": 0.4,
    "month": 0.1,
    "ever": -0.35,
    "age": -0.15,
}
PRIOR_USERS = 20.0
"""The defaults weigh as much as the choices of so many customers."""
_LEAST_SPREAD = 0.1
"""A signal that is almost the same for all items says little, so its weight stays near the prior."""
_NEIGHBOURS = [SIGNALS.index("neighbours"), SIGNALS.index("neighbours_known")]
_RANKED = 100
"""Candidates of a customer that LambdaRank looks at: the best under the weights that it begins with."""
_STEPS = 20
_STEP = 0.05
"""Of a weight, in standard deviations of its signal."""
_PULL = 0.02
"""Towards the weights that LambdaRank begins with: nDCG by which a weight is drawn back that is one standard
deviation of its signal away."""
_MOMENTUM, _MEMORY = 0.9, 0.99
_CELLS = 1 << 16
"""Candidates whose signals are added up at a time: of more, 32 bits would lose digits."""


def weights_of(named: Mapping[str, float]) -> Float64s:
    """Weights by name as an array in the order of `SIGNALS`; what is not named weighs nothing."""
    return np.array([float(named.get(name, 0.0)) for name in SIGNALS])


def default_weights(*, exclude_seen: bool) -> Float64s:
    """The weights where nothing has been learned: right on the middle of shops of three kinds."""
    return weights_of(_NEW if exclude_seen else _ALL)


def weighed(signals: Float32s | Float64s, weights: Float64s) -> Float64s:
    """The score of each cell, shape (cells,); the sum goes in the order of the signals, on every machine.

    Args:
        signals: shape (signals, cells).
        weights: shape (signals,): of each signal.
    """
    scores = np.zeros(signals.shape[1])
    for weight, values in zip(weights.tolist(), signals, strict=True):
        scores += weight * values
    return scores


def free_signals(*, exclude_seen: bool, habit_in_parts: bool) -> Bools:
    """Which weights are learned, shape (signals,); the others stay as they are by default.

    Args:
        exclude_seen: nothing that a customer has bought can be chosen.
        habit_in_parts: learn the weights of the habit's parts too.
    """
    fixed = {"habit", *HABIT_PARTS} if exclude_seen else {*()} if habit_in_parts else {*HABIT_PARTS}
    return np.array([name not in fixed for name in SIGNALS])


@dataclass(frozen=True, eq=False)
class Choices:
    """Candidates of customers who bought at least one of them in a past window."""

    customers: Int64s
    """shape (cells,), ascending: whose candidate it is, from 0 without gaps"""
    signals: Float32s
    """shape (signals, cells)"""
    other_neighbours: Float32s
    """shape (2 x other variants, cells): the signals `neighbours` and `neighbours_known` by other settings"""
    bought: Bools
    """shape (cells,)"""
    named: Bools
    """shape (cells,): whether a signal names it; the others could be listed by weights that were learned"""
    n_bought: Int64s
    """shape (customers,): how much each bought in the window, whether a candidate or not"""
    judged: Int64s
    """shape (customers,): index of each among all customers who bought anything in the window"""
    n_judged: int
    """how many these are; the others bought none of their candidates"""

    def by(self, variant: int) -> "Choices":
        """With the neighbours of one variant of their settings, 0 for the first, as the signals."""
        if not variant:
            return self
        signals = self.signals.copy()
        signals[_NEIGHBOURS] = self.other_neighbours[2 * variant - 2 : 2 * variant]
        return replace(self, signals=signals, other_neighbours=self.other_neighbours[:0])

    def where(self, kept: Bools) -> "Choices":
        """Some of the candidates, kept of shape (cells,), of the customers who bought one of them."""
        has = np.bincount(self.customers, self.bought & kept, minlength=len(self.judged)) > 0
        cells = kept & has[self.customers]
        return replace(
            self,
            customers=(np.cumsum(has) - 1)[self.customers[cells]],
            signals=self.signals[:, cells],
            other_neighbours=self.other_neighbours[:, cells],
            bought=self.bought[cells],
            named=self.named[cells],
            n_bought=self.n_bought[has],
            judged=self.judged[has],
        )

    @cached_property
    def begins(self) -> Int64s:
        """The first candidate of each customer, shape (customers,)."""
        return np.flatnonzero(starts(self.customers))

    def scores(self, weights: Float64s) -> Float64s:
        """The score of each candidate, shape (cells,)."""
        return weighed(self.signals, weights)

    def ranked(self, weights: Float64s) -> tuple[Int64s, Int64s]:
        """The candidates in order of customer and falling score, and the rank of each, from 0."""
        order = np.lexsort((-self.scores(weights), self.customers))
        return order, np.arange(len(order)) - self.begins[self.customers]

    def ndcg(self, weights: Float64s, n: int) -> Float64s:
        """nDCG@n of the n best candidates of all who were judged, shape (n_judged,)."""
        found = np.zeros(self.n_judged)
        if len(self.customers):
            order, ranks = self.ranked(weights)
            gained = np.where(self.bought[order], _discounts(ranks, n), 0)
            found[self.judged] = np.add.reduceat(gained, self.begins) / self.ideal(n)
        return found

    def ideal(self, n: int) -> Float64s:
        """The greatest DCG@n of each customer, shape (customers,)."""
        ideals: Float64s = np.cumsum(_discounts(np.arange(n), n))
        found: Float64s = ideals[np.minimum(self.n_bought, n) - 1]
        return found


def _discounts(ranks: Int64s, n: int) -> Float64s:
    """What a hit at each rank, from 0, is worth in nDCG@n."""
    found: Float64s = np.where(ranks < n, 1 / np.log2(ranks + 2), 0)
    return found


def learn(
    windows: Sequence[Choices], prior: Float64s, *, free: Bools, begin: Float64s | None = None
) -> Float64s:
    """The most likely weights, shape (signals,), float64, for choices among the candidates that signals name.

    Those that learned weights have named are left out: what is a candidate only for its high score makes what
    gives high scores look bad. Each customer counts once, however much they bought. Distances from the prior
    are measured in standard deviations of the signals.

    Args:
        windows: of one or more past windows.
        prior: the weights to stay near.
        free: shape (signals,): which weights are learned.
        begin: weights near those that will be found, if any are known; the search is shorter.
    """
    from scipy.optimize import minimize

    told = [known for each in windows if len((known := each.where(each.named)).customers)]
    if not told:
        return prior
    spread = _spread(told)[free]
    shares = [known.bought / np.add.reduceat(known.bought, known.begins)[known.customers] for known in told]

    def loss(own: Float64s) -> tuple[float, Float64s]:
        weights = _with(prior, free, own)
        away = (own - prior[free]) * spread
        value, gradient = PRIOR_USERS / 2 * float(away @ away), PRIOR_USERS * away * spread
        for known, share in zip(told, shares, strict=True):
            likely, logarithms = _likely(known, weights)
            value -= float(share @ logarithms)
            gradient += _products(known.signals, likely - share)[free]
        return value, gradient

    def curvature(own: Float64s) -> Float64s:
        weights = _with(prior, free, own)
        found = np.diag(PRIOR_USERS * spread**2)
        for known in told:
            found += _covariances(known, _likely(known, weights)[0], free)
        return found

    start = (prior if begin is None else begin)[free]
    found = minimize(loss, start, jac=True, hess=curvature, method="trust-exact", options={"gtol": 1e-3})
    return _with(prior, free, found.x)


def _with(weights: Float64s, free: Bools, own: Float64s) -> Float64s:
    found = weights.copy()
    found[free] = own
    return found


def _likely(known: Choices, weights: Float64s) -> tuple[Float64s, Float64s]:
    """The probability of each candidate, and its logarithm."""
    scores = known.scores(weights)
    scores -= np.maximum.reduceat(scores, known.begins)[known.customers]
    likely = np.exp(scores)
    total = np.add.reduceat(likely, known.begins)[known.customers]
    return likely / total, scores - np.log(total)


def _products(signals: Float32s, values: Float64s) -> Float64s:
    """The sum over the candidates of each signal times the values, shape (signals,)."""
    short, found = values.astype(np.float32), np.zeros(len(signals))
    for first in range(0, len(values), _CELLS):
        part = slice(first, first + _CELLS)
        found += signals[:, part] @ short[part]
    return found


def _covariances(known: Choices, likely: Float64s, free: Bools) -> Float64s:
    """The sum over the customers of the covariances of the free signals, shape (free, free)."""
    n_free = np.count_nonzero(free)
    found = np.zeros((n_free, n_free))
    means = np.empty((n_free, len(known.begins)))
    for row, signal in enumerate(np.flatnonzero(free)):
        means[row] = np.add.reduceat(known.signals[signal] * likely, known.begins)
    roots = np.sqrt(likely).astype(np.float32)
    for first in range(0, len(likely), _CELLS):
        part = slice(first, first + _CELLS)
        values = known.signals[free, part] * roots[part]
        found += values @ values.T
    covariances: Float64s = found - means @ means.T
    return covariances


def _spread(parts: Sequence[Choices]) -> Float64s:
    """The standard deviation of each signal over all parts, shape (signals,); `_LEAST_SPREAD` at least."""
    n = sum(len(part.customers) for part in parts)
    nothing = np.zeros(len(SIGNALS))
    mean = sum((part.signals.sum(axis=1, dtype=np.float64) for part in parts), start=nothing) / n
    squares = sum((_squares(part.signals, mean) for part in parts), start=nothing)
    spread: Float64s = np.maximum(np.sqrt(squares / n), _LEAST_SPREAD)
    return spread


def _squares(signals: Float32s, mean: Float64s) -> Float64s:
    return np.array([((row - middle) ** 2).sum() for row, middle in zip(signals, mean, strict=True)])


def lambdarank(windows: Sequence[Choices], begin: Float64s, *, free: Bools, n: int) -> Float64s:
    """Weights with a better nDCG@n than those that it begins with, shape (signals,), float64.

    Some steps of gradient descent over all customers, scaled as Adam does (Kingma and Ba, "Adam: A Method for
    Stochastic Optimization", ICLR 2015); the mean of the second half of them.

    Args:
        windows: of one or more past windows.
        begin: of `learn`; the weights are held near them.
        free: shape (signals,): which weights are learned.
        n: length of the lists; of longer ones than `_RANKED` their first places.
    """
    n = min(n, _RANKED)
    told = [_Pairs.of(known, begin, n) for known in windows if len(known.customers)]
    if not told:
        return begin
    spread = _spread([known for known in windows if len(known.customers)])
    n_customers = sum(len(known.ideal) for known in told)
    weights, mean = begin.copy(), np.zeros(len(begin))
    momentum, memory = np.zeros((2, len(begin)))
    for step in range(1, _STEPS + 1):
        pulled = sum((known.gradient(weights) for known in told), start=np.zeros(len(begin)))
        gradient = np.where(free, pulled / n_customers / spread - _PULL * (weights - begin) * spread, 0)
        momentum = _MOMENTUM * momentum + (1 - _MOMENTUM) * gradient
        memory = _MEMORY * memory + (1 - _MEMORY) * gradient**2
        size = np.sqrt(memory / (1 - _MEMORY**step)) + 1e-8
        weights = weights + _STEP * momentum / (1 - _MOMENTUM**step) / size / spread
        if step > _STEPS // 2:
            mean += weights / (_STEPS - _STEPS // 2)
    return mean


@dataclass(frozen=True, eq=False)
class _Pairs:
    """The best candidates of each customer under some weights, as a table with a row for each."""

    signals: Float32s
    """shape (signals, cells)"""
    row: Int64s
    """shape (cells,)"""
    column: Int64s
    """shape (cells,)"""
    bought: Bools
    """shape (customers, columns)"""
    ideal: Float64s
    """shape (customers,): the greatest DCG@n"""
    n: int

    @classmethod
    def of(cls, known: Choices, weights: Float64s, n: int) -> "_Pairs":
        order, ranks = known.ranked(weights)
        best = np.sort(order[ranks < max(_RANKED, 2 * n)])
        row = known.customers[best]
        column = np.arange(len(best)) - np.flatnonzero(starts(row))[row]
        bought = np.zeros((len(known.begins), int(column.max()) + 1), bool)
        bought[row, column] = known.bought[best]
        return cls(known.signals[:, best], row, column, bought, known.ideal(n), n)

    def gradient(self, weights: Float64s) -> Float64s:
        """By how much each weight is pulled up by all pairs, shape (signals,)."""
        table = np.full(self.bought.shape, -np.inf)
        table[self.row, self.column] = weighed(self.signals, weights)
        # What stands at each rank. Only a pair with one of the n first can change the nDCG.
        order = np.argsort(-table, axis=1, kind="stable")
        ranked = np.take_along_axis(table, order, axis=1)
        bought = np.take_along_axis(self.bought, order, axis=1)
        n_columns = len(table[0])
        worth = _discounts(np.arange(n_columns), self.n)
        pull = np.zeros(table.shape)
        for rank in range(min(self.n, n_columns)):
            is_pair = bought[:, [rank]] != bought[:, rank + 1 :]
            is_pair &= ranked[:, rank + 1 :] > -np.inf
            row, behind = np.nonzero(is_pair)
            behind += rank + 1
            change = (worth[rank] - worth[behind]) / self.ideal[row]
            up = np.where(bought[row, rank], 1.0, -1.0)
            ahead = up * (ranked[row, rank] - ranked[row, behind])
            strength = up * change / (1 + np.exp(np.clip(ahead, -50, 50)))
            pull[:, rank] += np.bincount(row, strength, minlength=len(pull))
            pull[row, behind] -= strength
        found = np.empty(table.shape)
        np.put_along_axis(found, order, pull, axis=1)
        return _products(self.signals, found[self.row, self.column])
