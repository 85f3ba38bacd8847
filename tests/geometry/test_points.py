"""Chamfer distance is the paper's sum in loops, with means; repeated, isolated and farthest points those of loops."""

import pytest
import torch

from smcrep.geometry import points as module
from smcrep.geometry.points import chamfer, farthest_points, filled, isolation, repeated


def test_it_is_the_sum_in_loops() -> None:
    generator = torch.Generator().manual_seed(0)
    a, b = torch.randn(7, 3, generator=generator), torch.randn(5, 3, generator=generator)
    there = [min(float((p - q).norm()) for q in b) for p in a]
    back = [min(float((p - q).norm()) for p in a) for q in b]
    assert chamfer(a, b).item() == pytest.approx(sum(there) / 7 + sum(back) / 5, rel=1e-5)
    nearest = sum(sorted(there)[:3]) / 3 + sum(sorted(back)[:2]) / 2  # 0.4 of 7 and of 5
    assert chamfer(a, b, share=0.4).item() == pytest.approx(nearest, rel=1e-5)


def test_trimmed_it_does_not_see_what_only_one_of_them_has() -> None:
    generator = torch.Generator().manual_seed(2)
    common, own = torch.randn(20, 3, generator=generator), torch.randn(10, 3, generator=generator) + 9
    assert chamfer(torch.cat([common, own]), common, share=0.6) < 1e-6
    assert chamfer(torch.cat([common, own]), common) > 1


def test_it_is_zero_for_the_same_points_in_any_order_and_symmetric() -> None:
    generator = torch.Generator().manual_seed(1)
    a, b = torch.randn(2, 4, 9, 3, generator=generator)
    assert chamfer(a, a.flip(1)).abs().max() < 1e-10
    torch.testing.assert_close(chamfer(a, b), chamfer(b, a))
    assert chamfer(a[:, None], b[None]).shape == (4, 4)


@pytest.fixture
def clouds() -> torch.Tensor:
    """[3, 12, 3]; the second repeats some points, the third is one point twelve times."""
    x = torch.randn(3, 12, 3, generator=torch.Generator().manual_seed(3))
    x[1, [3, 7, 8]] = x[1, [1, 1, 5]]
    x[2] = x[2, :1]
    return x


def test_repeated_points_are_those_that_a_loop_has_met_before(clouds: torch.Tensor) -> None:
    met: list[list[bool]] = []
    for cloud in clouds.tolist():
        met.append([point in cloud[:i] for i, point in enumerate(cloud)])
    assert repeated(clouds).tolist() == met
    assert repeated(clouds[:0]).shape == (0, 12)


def test_points_that_share_some_coordinates_are_not_repeated() -> None:
    corners = torch.cartesian_prod(*3 * [torch.tensor([0.0, 1.0])])
    assert not repeated(corners[None]).any()
    assert repeated(torch.cat([corners, corners])[None]).tolist() == [[False] * 8 + [True] * 8]


def found(points: torch.Tensor, limit: float, num_passes: int = 1) -> torch.Tensor:
    return isolation(points, repeated(points), num_neighbours=3, num_passes=num_passes, limit=limit, alarm=limit)


def test_nothing_is_isolated_where_nothing_is_beyond_the_alarm() -> None:
    """A line of equal steps with one point 4 steps beyond its end: far by a limit of 2, and no alarm at 20."""
    line = torch.zeros(2, 21, 3)
    line[..., 0] = torch.tensor([*range(20), 23.0])
    line[1, -1, 0] = 100.0
    none = torch.zeros(2, 21, dtype=torch.bool)
    out = isolation(line, none, num_neighbours=3, num_passes=2, limit=2.5, alarm=20)
    assert not out[0].any()
    assert out[1].nonzero().flatten().tolist() == [20]
    assert isolation(line, none, num_neighbours=3, num_passes=1, limit=2.4, alarm=2.4)[0].nonzero().tolist() == [[20]]


@pytest.mark.parametrize("num_passes", [1, 2])
def test_isolated_points_are_those_whose_third_neighbour_is_far_by_a_loop(
    clouds: torch.Tensor, num_passes: int
) -> None:
    for limit in (1.1, 1.3):
        for cloud, gone, row in zip(clouds[:2], repeated(clouds), found(clouds, limit, num_passes), strict=False):
            left = [i for i in range(12) if not gone[i]]
            isolated: set[int] = set()
            for _ in range(num_passes):
                others = [i for i in left if i not in isolated]
                third = {i: sorted(float((cloud[i] - cloud[j]).norm()) for j in others if j != i)[2] for i in left}
                usual = sorted(third[i] for i in others)[(len(others) - 1) // 2]
                isolated |= {i for i in left if third[i] > limit * usual}
            assert set(row.nonzero().flatten().tolist()) == isolated
            assert isolated
    assert not found(clouds, 1.1)[2].any()  # no neighbours at all
    assert not found(clouds[:, :2], 1.1).any()


def test_isolated_are_the_same_for_any_order_rigid_motion_and_unit(monkeypatch: pytest.MonkeyPatch) -> None:
    x = torch.randn(4, 60, 3, generator=torch.Generator().manual_seed(4))
    turn = torch.linalg.qr(torch.randn(3, 3, generator=torch.Generator().manual_seed(5))).Q
    for references in (256, 20):  # all points are references, or some
        monkeypatch.setattr(module, "NUM_REFERENCES", references)
        expected = found(x, 1.5, 2)
        assert expected.any()
        assert torch.equal(found(30 * (x @ turn.T + torch.tensor([0.5, -0.2, 1.0])), 1.5, 2), expected)
        assert torch.equal(found(x.flip(1), 1.5, 2).flip(1), expected)


def test_planted_stray_points_are_isolated_in_a_cloud_of_any_size() -> None:
    for num in (16, 256, 2000):
        x = torch.rand(2, num, 3, generator=torch.Generator().manual_seed(num)) * torch.tensor([1.0, 1.0, 0.01])
        x[:, 5] = torch.tensor([0.5, 0.5, 1.5])
        assert found(x, 3.0)[:, 5].all()
        assert found(x, 3.0).float().mean() < 0.1


def test_left_out_points_become_copies_of_the_others_as_many_of_each(clouds: torch.Tensor) -> None:
    left_out = torch.zeros(3, 12, dtype=torch.bool)
    left_out[0, [0, 2, 3, 4, 6, 7, 8, 11]] = left_out[2] = True
    found = filled(clouds, left_out)
    assert torch.equal(found[0][~left_out[0]], clouds[0][~left_out[0]])
    assert found[0].unique(dim=0, return_counts=True)[1].tolist() == [3] * 4
    assert torch.equal(found[1:], clouds[1:])  # nothing left out, nothing left


def test_farthest_points_equal_a_loop_in_any_order_and_leave_copies_for_last() -> None:
    points = torch.randn(2, 30, 3, generator=torch.Generator().manual_seed(0))
    found = farthest_points(points, 12)
    for own, chosen in zip(points, found.tolist(), strict=True):
        middle = (own.amax(0) + own.amin(0)) / 2
        expected = [int((own - middle).norm(dim=-1).argmax())]
        while len(expected) < 12:
            nearest = [min(float((point - own[j]).norm()) for j in expected) for point in own]
            expected.append(nearest.index(max(nearest)))
        assert chosen == expected
    order = torch.randperm(30, generator=torch.Generator().manual_seed(1))
    assert torch.equal(order[farthest_points(points[:, order], 12)], found)
    padded = torch.cat([points, points[:, :1].expand(-1, 90, -1)], 1)
    assert torch.equal(farthest_points(padded, 12), found)
    every = farthest_points(padded, 40)[:, :30].sort().values
    assert torch.equal(every, torch.arange(30).expand(2, -1)), "each once before any copy"
    assert farthest_points(points[:0], 5).shape == (0, 5)
