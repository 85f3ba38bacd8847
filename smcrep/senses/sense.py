"""What the package knows of a sense: one record, found by its name in one table that anybody can add to."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

Array = np.ndarray | Tensor


@dataclass(frozen=True)
class SenseSettings:
    """Base of the settings of a sense: how a model takes it in, in training and afterwards. Saved with the model.

    Where they have a field ``lr_scale``, the encoder's ``backbone`` learns at that times the recipe's rate."""

    def check(self, fine: bool, name: str, remedy: str) -> None:
        """ValueError in one line where ``fine`` does not hold of the field ``name``."""
        if not fine:
            raise ValueError(f"{type(self).__name__}: {name} is {getattr(self, name)!r}; {remedy}")


@dataclass(frozen=True)
class Resolution:
    """image_size: side of images in pixels; num_points: points of a cloud."""

    image_size: int
    num_points: int


class Rendered(Protocol):
    """v views of a state as the simulator gives them to `Sense.simulate`.

    rgb              uint8 [v, h, w, 3]
    depth            float32 [v, h, w] metres along z as the sensor reads it, 0 where it reads nothing
    mask             bool [v, h, w]: pixels that show the object acted on
    T_camera_object  float64 [v, 4, 4] of the object acted on, metres
    rng              for noise of the sense's own; what is drawn from it belongs to the state alone
    """

    @property
    def rgb(self) -> NDArray[np.uint8]: ...
    @property
    def depth(self) -> NDArray[np.float32]: ...
    @property
    def mask(self) -> NDArray[np.bool_]: ...
    @property
    def T_camera_object(self) -> NDArray[np.float64]: ...
    @property
    def rng(self) -> np.random.Generator: ...
    def cloud(self) -> NDArray[np.float32]:
        """float32 [v, n, 3]: what each camera sees of the object, metres, camera frame (x right, y down, z forward)."""
        ...


def as_it_is(settings: Any, data: Tensor, generator: torch.Generator | None) -> Tensor:
    """No change in training."""
    return data


def prepared_name(sense: str) -> str:
    """Under which `Senses` bring what `Sense.prepare` made of a sense; no sense can have that name."""
    return f"{sense}.prepared"


@dataclass(frozen=True)
class Frozen:
    """Work of an encoder that is the same in every step.

    make   checked data [b, ...] -> [b, ...].
    about  all that it depends on beside the encoder's buffers and its weights that learn nothing.
    """

    make: Callable[[Tensor], Tensor]
    about: str


@dataclass(frozen=True, eq=False)
class Sense:
    """A sense of a robot.

    name        in `Senses`, in stores, in `embed(**senses)`.
    settings    frozen dataclass, a `SenseSettings`; its defaults are those of the sense.
    check       array or tensor of a batch -> tensor [b, ...] that the encoder takes; ValueError in one line.
    plausible   (settings, checked data) -> None; ValueError in one line where they cannot be what a model of these
                settings was trained on (another unit, say).
    encoder     (settings, trunk_dim) -> module: checked data [b, ...] -> invariant and equivariant features, both
                float32 [b, trunk_dim].
    item_shape  shape of one observation in a store, at a resolution.
    dtype       numpy's name of what is stored.
    unit, frame  in words.
    label, colour  in pictures.
    convert     what `transform` is given for one observation or a batch -> tensor, without or with the batch axis.
    fit         (settings, sample [n, ...] of checked data) -> settings with the scale of the sample.
    thin        (settings, data [..., item], generator) -> fewer numbers of each observation, in training.
    augment     (settings, data [..., item], generator) -> the same shape, changed as sensors and light change it, in
                training, after `thin`.
    start       (settings, encoder) -> None: first weights that were learned elsewhere, layers that learn nothing;
                called after weights were drawn by the seed.
    prepare     (settings, encoder) -> what its frozen layers compute (`Frozen`), or None. Where `Senses` bring it under
                `prepared_name`, the encoder takes it as a second argument and leaves it out of its work. In training
                it is made of the data before ``thin`` and ``augment``: in the step, or once for each stored
                observation (`smcrep.training.cache`).
    simulate    v views of the simulated world -> [v, *item_shape]; None: our world does not give it.
    is_metric   it measures space in metres, so it can tell turns of an object apart well.
    """

    name: str
    settings: type[SenseSettings]
    check: Callable[[Array], Tensor]
    encoder: Callable[[Any, int], nn.Module]
    item_shape: Callable[[Resolution], tuple[int, ...]]
    dtype: str
    unit: str
    frame: str
    label: str
    colour: str
    convert: Callable[[Any], Tensor] = torch.as_tensor
    plausible: Callable[[Any, Tensor], None] = lambda settings, data: None
    fit: Callable[[Any, Tensor], SenseSettings] = lambda settings, sample: settings
    thin: Callable[[Any, Tensor, torch.Generator | None], Tensor] = as_it_is
    augment: Callable[[Any, Tensor, torch.Generator | None], Tensor] = as_it_is
    start: Callable[[Any, nn.Module], None] = lambda settings, encoder: None
    prepare: Callable[[Any, nn.Module], Frozen | None] = lambda settings, encoder: None
    simulate: Callable[[Rendered], np.ndarray] | None = None
    is_metric: bool = False

    @property
    def item_ndim(self) -> int:
        return len(self.item_shape(Resolution(1, 1)))


class SenseTable(Mapping[str, Sense]):
    """Senses by name. A name that is not there is refused in one line."""

    def __init__(self) -> None:
        self._by_name: dict[str, Sense] = {}
        self._shipped: frozenset[str] = frozenset()

    def __getitem__(self, name: str) -> Sense:
        if name not in self._by_name:
            raise ValueError(
                f"senses: there is no sense {name!r}, only {', '.join(self._by_name)}; import the module that "
                "registers it (smcrep.senses.register) first"
            )
        return self._by_name[name]

    def __contains__(self, name: object) -> bool:
        return name in self._by_name

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_name)

    def __len__(self) -> int:
        return len(self._by_name)

    def register(self, sense: Sense) -> Sense:
        """Add ``sense`` (or replace one of yours with that name) and return it. ValueError for a name that is none, or
        that of a sense of the package."""
        # A model keeps the senses' modules in a ModuleDict, and `embed` takes them by keyword.
        taken = sense.name in ("fused", "chunk") or hasattr(nn.ModuleDict, sense.name)
        if not sense.name.isidentifier() or taken:
            raise ValueError(f"senses: {sense.name!r} cannot be a sense's name; give a Python identifier other than it")
        if sense.name in self._shipped:
            raise ValueError(f"senses: {sense.name!r} is a sense of smcrep; give yours another name")
        if not isinstance(sense.settings, type) or not issubclass(sense.settings, SenseSettings):
            raise ValueError(f"senses: the settings of {sense.name!r} are no SenseSettings; derive them from it")
        self._by_name[sense.name] = sense
        return sense

    def seal(self) -> None:
        """What is there by now is the package's own."""
        self._shipped = frozenset(self._by_name)
