"""The first estimate is the record, the others stand beside it with their intervals."""

from smcrep.evaluation.comparison import bounds, compared
from smcrep.probes.intervals import Estimate

OURS, OTHER = Estimate(0.8, (0.7, 0.9), 12), Estimate(0.3, (0.2, 0.4), 12)


def test_a_comparison_keeps_every_interval() -> None:
    record = compared({"ours": OURS, "untrained": OTHER}, "accuracy", chance=0.1)
    assert (record.value, record.ci95, record.n, record.unit) == (0.8, (0.7, 0.9), 12, "accuracy")
    assert record.controls == {"chance": 0.1, "untrained": 0.3, "untrained_low": 0.2, "untrained_high": 0.4}
    assert record.controls == {"chance": 0.1} | bounds("untrained", OTHER)
