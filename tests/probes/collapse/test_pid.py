"""Parts of information whose values are known in closed form, or published."""

import numpy as np
import pytest

from smcrep.probes.collapse.pid import Parts, discretised, pid, pid_estimate, pid_null


def gate(function, p: float = 0.5) -> np.ndarray:
    """p(y, x1, x2) of y = function(x1, x2) of two bits that are 1 with probability p."""
    joint = np.zeros((4, 2, 2))
    for a in (0, 1):
        for b in (0, 1):
            joint[function(a, b), a, b] += (p if a else 1 - p) * (p if b else 1 - p)
    return joint


def parts(found: Parts) -> list[float]:
    return [found.redundant, found.unique_1, found.unique_2, found.synergistic]


def test_xor_is_all_synergy_and_a_copy_of_a_copy_all_redundancy() -> None:
    assert parts(pid(gate(lambda a, b: a ^ b))) == pytest.approx([0, 0, 0, 1], abs=1e-6)
    same = np.zeros((2, 2, 2))
    same[0, 0, 0] = same[1, 1, 1] = 0.5
    assert parts(pid(same)) == pytest.approx([1, 0, 0, 0], abs=1e-6)


def test_one_signal_alone_is_unique_and_two_bits_are_unique_each() -> None:
    assert parts(pid(gate(lambda a, b: a))) == pytest.approx([0, 1, 0, 0], abs=1e-6)
    assert parts(pid(gate(lambda a, b: 2 * a + b))) == pytest.approx([0, 1, 1, 0], abs=1e-6)


def test_and_has_the_published_parts() -> None:
    """Bertschinger et al. 2014: redundant .311, synergistic 1/2 bit, nothing unique."""
    assert parts(pid(gate(lambda a, b: a & b))) == pytest.approx([0.311278, 0, 0, 0.5], abs=1e-4)


def test_parts_add_up_and_the_minimum_is_that_of_a_search_over_the_one_free_number() -> None:
    """With bits, Q_y has one free number a y: a grid over both finds the least information."""
    joint = np.random.default_rng(0).dirichlet(np.ones(8)).reshape(2, 2, 2)
    found = pid(joint)

    def information(p: np.ndarray) -> float:
        total = 0.0
        for y, a, b in np.ndindex(p.shape):
            if p[y, a, b] > 0:
                total += p[y, a, b] * np.log2(p[y, a, b] / (p[y].sum() * p[:, a, b].sum()))
        return total

    possible = []
    for q in joint:
        low, high = -min(q[0, 0], q[1, 1]), min(q[0, 1], q[1, 0])
        possible.append([q + t * np.array([[1, -1], [-1, 1]]) for t in np.linspace(low, high, 101)])
    least = min(information(np.stack([q0, q1])) for q0 in possible[0] for q1 in possible[1])
    first = information(joint.sum(2)[:, :, None])
    assert found.synergistic == pytest.approx(information(joint) - least, abs=1e-4)
    assert found.unique_2 == pytest.approx(max(least - first, 0), abs=1e-4)
    assert sum(parts(found)) == pytest.approx(information(joint))
    assert found.redundant + found.unique_1 == pytest.approx(first)


def test_rows_give_the_parts_of_their_distribution_above_what_nothing_reads() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.integers(2, size=(2, 4000))
    found = pid_estimate(a ^ b, a, b, np.arange(4000) // 4)
    assert found["synergistic"].value == pytest.approx(1, abs=0.01)
    assert found["synergistic"].n == 10
    assert found["unique_1"].ci95[1] < 0.01
    assert sum(parts(pid_null(a ^ b, a, b, rng=rng, num_draws=4))) < 0.002
    few = pid_null((a ^ b)[:60], a[:60], b[:60], rng=rng, num_draws=64)
    assert sum(parts(few)) == pytest.approx(3 / (2 * 60 * np.log(2)), rel=0.3)


def test_clusters_stand_for_numbers() -> None:
    rng = np.random.default_rng(0)
    label = rng.integers(3, size=300)
    found = discretised(np.eye(3)[label] + 0.05 * rng.normal(size=(300, 3)), 3, rng=rng)
    assert len({(a, b) for a, b in zip(found, label, strict=True)}) == 3


def test_what_is_no_distribution_is_refused() -> None:
    for bad in (np.ones((2, 2)), -np.ones((2, 2, 2)), np.zeros((2, 2, 2))):
        with pytest.raises(ValueError, match="give finite p"):
            pid(bad)


def test_one_negative_probability_is_enough() -> None:
    joint = np.full((2, 2, 2), 0.25)
    joint[0, 0, 0] = -0.1
    with pytest.raises(ValueError, match="give finite p"):
        pid(joint)
