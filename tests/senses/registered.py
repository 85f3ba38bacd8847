"""Senses in the table for as long as a test needs them."""

from collections.abc import Iterator
from contextlib import contextmanager

from smcrep.senses import SENSES, Sense


@contextmanager
def registered(*senses: Sense) -> Iterator[None]:
    for sense in senses:
        SENSES.register(sense)
    try:
        yield
    finally:
        for sense in senses:
            del SENSES._by_name[sense.name]
