"""Frames of a video file by their times, decoded by PyAV; frames that follow each other are decoded once."""

from pathlib import Path
from typing import Any

import numpy as np

from smcrep.data.readers.source import one_line

AHEAD_S = 4.0
"""A frame so far ahead is reached by decoding on; beyond it, by a jump to the key frame before it."""


class Video:
    """One open video file. ValueError, in one line that names the file, where it is missing or cannot be decoded."""

    def __init__(self, path: Path) -> None:
        import av  # an extra

        self.path = path
        if not path.is_file():
            raise ValueError(f"{path}: no such video")
        try:
            self._container = av.open(str(path))
        except Exception as error:  # PyAV has a class for each code of FFmpeg
            raise ValueError(f"{path}: not a video that FFmpeg reads ({one_line(error)})") from None
        streams = self._container.streams.video
        if not streams:
            raise ValueError(f"{path}: no video in it")
        self._stream: Any = streams[0]
        if self._stream.codec_context is None or not self._stream.codec_context.codec:
            raise ValueError(f"{path}: its codec is not known to this FFmpeg; encode it again, as H.264 or AV1")
        self._stream.thread_type = "AUTO"
        self._base = float(self._stream.time_base)
        self._start = (self._stream.start_time or 0) * self._base
        self._frames: Any = None
        self._last: Any = None

    def at(self, time_s: float, tolerance_s: float, pixel_format: str = "rgb24") -> np.ndarray:
        """The frame shown ``time_s`` after the first one: uint8 [h, w, 3], or [h, w] of a grey ``pixel_format``."""
        try:
            frame = self._frame(time_s, tolerance_s)
            array = frame.to_ndarray(format=pixel_format)
        except ValueError:
            raise
        except Exception as error:
            self._frames = self._last = None
            raise ValueError(f"{self.path}: cannot be decoded at {time_s:.3f} s ({one_line(error)})") from None
        return array

    def _frame(self, time_s: float, tolerance_s: float) -> Any:
        last = self._time(self._last) if self._last is not None else None
        if last is not None and abs(last - time_s) <= tolerance_s:
            return self._last
        if last is None or not last < time_s <= last + AHEAD_S:
            self._container.seek(int((time_s + self._start) / self._base), stream=self._stream, backward=True)
            self._frames = self._container.decode(self._stream)
        for frame in self._frames:
            self._last = frame
            if self._time(frame) >= time_s - tolerance_s:
                break
        else:
            self._frames = self._last = None
            raise ValueError(f"{self.path}: ends before {time_s:.3f} s")
        if self._time(self._last) > time_s + tolerance_s:
            found = self._time(self._last)
            raise ValueError(f"{self.path}: no frame at {time_s:.3f} s, the nearest is at {found:.3f} s")
        return self._last

    def _time(self, frame: Any) -> float:
        return (frame.pts or 0) * self._base - self._start

    def close(self) -> None:
        self._container.close()
