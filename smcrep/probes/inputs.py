"""What a probe is given, checked once: finite features, one label a row; and features scaled by the training rows."""

import numpy as np

CONSTANT = 1e-6
"""A dimension whose deviation is less than this share of its mean, or of the largest deviation, is constant: what
float32 rounding leaves of one is about 1e-7."""


def finite(probe: str, **features: np.ndarray) -> None:
    """ValueError that names the first of ``features`` [n, ...] that holds NaN or infinity, and in how many rows."""
    for name, values in features.items():
        values = np.asarray(values)
        bad = int((~np.isfinite(values.reshape(len(values), -1))).any(1).sum()) if values.size else 0
        if bad:
            raise ValueError(
                f"{probe}: {name} hold NaN or infinity in {bad} of {len(values)} rows; check the encoder before "
                "probing it, or leave those rows out"
            )


def one_a_row(probe: str, name: str, values: np.ndarray, num_rows: int) -> np.ndarray:
    """[n] of labels or groups [n] or [n, 1]. ValueError where they are not one for each of ``num_rows`` rows, or hold
    NaN."""
    values = np.asarray(values)
    if values.shape not in ((num_rows,), (num_rows, 1)):
        raise ValueError(f"{probe}: {name} of shape {list(values.shape)} for {num_rows} rows; give one a row")
    values = values.reshape(num_rows)
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        raise ValueError(f"{probe}: {name} hold NaN or infinity; leave out the rows without one")
    return values


def scaled(train: np.ndarray, *others: np.ndarray) -> tuple[np.ndarray, ...]:
    """float64 ``train`` [n, d] and ``others`` [m, d] minus the mean of ``train``, over its deviation. Dimensions that
    are constant in ``train`` become 0 everywhere: nothing could be learned of them, and a deviation of nearly 0 would
    make all the others negligible."""
    train = np.asarray(train, np.float64)
    mean, deviation = train.mean(0), train.std(0)
    varies = deviation > CONSTANT * np.maximum(np.abs(mean), deviation.max(initial=0))
    weight = np.divide(1.0, deviation, out=np.zeros_like(deviation), where=varies)
    return tuple((np.asarray(x, np.float64) - mean) * weight for x in (train, *others))
