"""Strengths that grow in training."""


def warm_up(progress: float, share: float) -> float:
    """0 at the start of training, 1 after ``share`` of it, straight between. progress: share of training done."""
    if not 0 <= share <= 1:
        raise ValueError(f"warm_up: share is {share}; give a share of training in [0, 1]")
    return 1.0 if progress >= share else progress / share
