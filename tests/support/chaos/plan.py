"""The faults of one run, drawn from a seed: what happens, to whom, and how its clock stands afterwards."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum, auto

_HOURS = timedelta(hours=3)
_MINUTES = timedelta(minutes=50)
_YEAR = timedelta(days=400)
_NONE = timedelta(0)
_JUMPS = (_NONE, _NONE, _YEAR, -_YEAR, _HOURS)
"""Where the clocks of workers go; none of them may decide anything by it."""
_API_JUMPS = (_NONE, _NONE, _MINUTES, -_HOURS)
"""The API's clock dates what it takes in: brokers refuse what is more than an hour ahead, and events must be past."""


class What(StrEnum):
    """What happens."""

    KILL = auto()
    """A process is killed and started again at once."""
    JOIN = auto()
    """One more process of a role begins."""
    LEAVE = auto()
    """It ends in good order."""
    BROKER = auto()
    """The broker is killed and started again."""
    AWAY = auto()
    """The store goes away."""
    BACK = auto()
    """It is there again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One fault. `after` is how long traffic flows before it, in seconds, once the meters were seen to go on."""

    what: What
    who: str = ""
    clock: timedelta = _NONE
    after: float = 0.0
    settled: bool = True
    """Whether its victim has begun to work before; else it may be hit while it starts."""

    def __str__(self) -> str:
        """Return it as a line of a log."""
        return f"{self.what} {self.who} {f'clock {self.clock}' if self.clock else ''}".rstrip()


def drawn(seed: int, roles: Sequence[str], *, kills: int, joining: str) -> list[Fault]:
    """Return a run's faults: `kills` of processes, each role among them, and one of every other kind."""
    dice = random.Random(seed)
    victims = [*roles, *dice.choices(roles, k=max(0, kills - len(roles)))]
    dice.shuffle(victims)
    faults = [_kill(dice, who) for who in victims]
    third = max(1, len(faults) // 3)
    away = [one for one in faults[third : 2 * third] if one.who != "api"]  # an API does not start without a store
    rest = [one for one in faults[third : 2 * third] if one.who == "api"]
    return [
        *_with(faults[:third], Fault(what=What.JOIN, who=joining, after=_moment(dice)), at=third // 2),
        Fault(what=What.AWAY, after=_moment(dice)),
        *away,
        Fault(what=What.BACK, after=_moment(dice)),
        *rest,
        Fault(what=What.BROKER, after=_moment(dice)),
        *_with(faults[2 * third :], Fault(what=What.LEAVE, who=joining, after=_moment(dice)), at=1),
    ]


def _kill(dice: random.Random, who: str) -> Fault:
    clock = dice.choice(_API_JUMPS if who == "api" else _JUMPS)
    return Fault(what=What.KILL, who=who, clock=clock, after=_moment(dice), settled=dice.random() < 0.7)


def _moment(dice: random.Random) -> float:
    return round(dice.uniform(0, 0.5), 3)


def _with(faults: Sequence[Fault], one: Fault, *, at: int) -> Iterator[Fault]:
    yield from faults[:at]
    yield one
    yield from faults[at:]
