"""Captions of our world: what an object is and what is done with it, in templates, some of them held out.

A caption says what a store knows: family, colour and (where recorded) material of the object, and the kind of action.
Words and sentences are split in two, so that a model is tested on phrasings that it was never trained on.
"""

from dataclasses import dataclass

import numpy as np

from smcrep.geometry.action import KINDS

SENTENCES = (
    "{do}", "please {do}", "{do} now", "the robot should {do}", "your task is to {do}", "try to {do}", "can you {do}",
    "next, {do}",
)  # fmt: skip
HELD_OUT_SENTENCES = ("could you {do}?", "i would like you to {do}", "go ahead and {do}")

FIRST_DEEDS = 6
"""Of each act so many came first; the others were added because new phrasings were not understood from six."""
DEEDS = {
    "hold": (
        "keep {it} still", "hold {it} in place", "leave {it} where it is", "not touch {it}", "make sure {it} stays put",
        "do nothing with {it}",
        "keep {it} fixed", "do not disturb {it}", "hold {it} steady", "leave {it} alone", "make no change to {it}",
        "keep your gripper off {it}", "ensure {it} remains at rest", "refrain from touching {it}",
        "keep {it} motionless", "wait and leave {it} untouched", "freeze {it} in position",
        "prevent any motion of {it}",
    ),
    "turn": (
        "turn {it}", "rotate {it}", "turn {it} around", "change the orientation of {it}", "twist {it}", "swivel {it}",
        "revolve {it}", "reorient {it}", "turn {it} by a quarter", "turn {it} to the left", "rotate {it} clockwise",
        "rotate {it} about its axis", "twirl {it}", "pivot {it}", "make {it} face another way", "flip {it} over",
        "wheel {it} round", "turn {it} upside down",
    ),
    "push": (
        "push {it}", "shove {it}", "push {it} away", "slide {it} along the table", "bump {it}", "press against {it}",
        "thrust {it} forward", "drive {it} forwards", "slide {it} aside", "knock {it}", "poke {it}", "prod {it}",
        "shift {it} sideways", "force {it} along", "tap {it} forward", "hit {it} gently", "apply a force to {it}",
        "propel {it} across the table",
    ),
    "lift_and_drop": (
        "lift {it} and drop it", "pick up {it} and let it fall", "raise {it} and drop it", "elevate {it} and drop it",
        "take {it} up and let it drop", "lift {it} off the table, then drop it",
        "raise {it} into the air and drop it", "pull {it} up, then drop it", "grab {it}, carry it up and drop it",
        "pick {it} up and drop it again", "heave {it} up and drop it", "bring {it} up and let it fall down",
        "lift {it} high and open the gripper", "lift {it}, then loosen your grip", "raise {it} and set it free",
        "boost {it} upwards and allow it to fall", "take {it} off the surface and drop it",
        "throw {it} down after lifting it",
    ),
    "look": (
        "look at {it} from another side", "view {it} from elsewhere", "move the camera around {it}",
        "show the other side of {it}", "take a picture of {it} from a different place", "observe {it} from the left",
        "view {it} from the other side", "watch {it} from above", "examine {it} from behind",
        "show {it} from the right", "photograph {it} from the back", "look around {it}",
        "turn the camera to another side of {it}", "change the perspective on {it}",
        "shift the camera and look at {it}", "study {it} from a second position", "survey {it} from the far side",
        "get another view of {it}",
    ),
}  # fmt: skip
HELD_OUT_DEEDS = {
    "hold": ("avoid moving {it}", "let {it} stay in place"),
    "turn": ("spin {it}", "give {it} a rotation"),
    "push": ("nudge {it}", "give {it} a push"),
    "lift_and_drop": ("lift up {it} and release it", "hoist {it} then let go of it"),
    "look": ("inspect {it} from a new viewpoint", "see {it} from a different angle"),
}
assert set(DEEDS) == set(HELD_OUT_DEEDS) == set(KINDS)


@dataclass(frozen=True)
class Words:
    """Of one object. None: not known, and so not said."""

    family: str
    colour: str | None = None
    material: str | None = None

    @property
    def phrase(self) -> str:
        """ "the red wooden mug"."""
        return " ".join(["the", *(w for w in (self.colour, self.material, self.family) if w)])


def paraphrases(words: Words, kind: str, *, held_out: bool = False) -> list[str]:
    """Every caption of an object under an action of ``kind``. ``held_out``: in sentences and with deeds that are in no
    caption of training."""
    deeds, sentences = (HELD_OUT_DEEDS, HELD_OUT_SENTENCES) if held_out else (DEEDS, SENTENCES)
    if kind not in deeds:
        raise ValueError(f"captions: no action {kind!r}; choose from {', '.join(KINDS)}")
    return [sentence.format(do=deed.format(it=words.phrase)) for sentence in sentences for deed in deeds[kind]]


def caption(words: Words, kind: str, rng: np.random.Generator, *, held_out: bool = False) -> str:
    """One of `paraphrases`, drawn."""
    return str(rng.choice(paraphrases(words, kind, held_out=held_out)))
