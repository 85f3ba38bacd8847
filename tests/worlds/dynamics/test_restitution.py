"""The damping that gives a restitution, against the motion of a damped spring."""

import pytest
from scipy.integrate import solve_ivp

from smcrep.worlds.dynamics.restitution import damping_ratio


@pytest.mark.parametrize("restitution", [0.2, 0.4, 0.6, 0.9])
def test_damping_ratio_gives_the_restitution_found_by_integration(restitution: float) -> None:
    """x'' = -2 ratio x' - x from x' = -1 until the spring and damper would pull."""
    ratio = damping_ratio(restitution)
    release = lambda t, s: -2 * ratio * s[1] - s[0]
    release.terminal, release.direction = True, -1  # type: ignore[attr-defined]
    solution = solve_ivp(lambda t, s: [s[1], release(t, s)], (0, 20), [0, -1], events=release, rtol=1e-9, atol=1e-12)
    assert solution.y[1, -1] == pytest.approx(restitution, abs=2e-3)
