"""`Monitor` as a callback of Lightning's trainer."""

from typing import Any

from smcrep.training.monitor import Monitor


def monitor_callback(monitor: Monitor, *, every: int) -> Any:
    """A `pytorch_lightning.Callback` that looks at the trained module every ``every`` batches, logs what was found, and
    stops the trainer where the monitor asks for it. Only the first process looks; the stop reaches all.

    ValueError where Lightning is not installed: it is no dependency of this package.
    """
    if every < 1:
        raise ValueError(f"monitor_callback: every is {every}; give the number of batches between looks, at least 1")
    try:
        from pytorch_lightning import Callback
    except ImportError:
        raise ValueError("monitor_callback: Lightning is not installed; pip install pytorch-lightning") from None

    class MonitorCallback(Callback):
        def on_train_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
            if (trainer.fit_loop.total_batch_idx + 1) % every:
                return
            stop = False
            if trainer.is_global_zero:
                training = pl_module.training
                pl_module.eval()
                stop = monitor(pl_module)
                pl_module.train(training)
                if trainer.logger:
                    trainer.logger.log_metrics(monitor.figures(), step=trainer.global_step)
            trainer.should_stop |= trainer.strategy.broadcast(stop)

    return MonitorCallback()
