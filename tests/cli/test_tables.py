"""Tables at any width: numbers stay whole, texts fold, decimal points stand in line."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console, RenderableType

from outlay_api.cli.conservation_table import conservation_table
from outlay_api.cli.fitting import FittingHeight, needed
from outlay_api.cli.money import MoneyFormat
from outlay_api.cli.spend_table import SpendTable
from outlay_api.cli.tables import Column, Tabulated, in_lines


def rendered(content: RenderableType, width: int, height: int = 40) -> list[str]:
    """Return the lines of `content` as `put` shows them on a terminal of that width."""
    console = Console(width=width, height=height, record=True, quiet=True, color_system=None, highlight=False)
    console.width = max(width, needed(console, content))
    with console.capture() as capture:
        console.quiet = False
        console.print(content)
    return capture.get().splitlines()


def spend(**more: Any) -> dict[str, Any]:
    rows = [
        {"team": "developer-experience", "amount": "1957.5801", "calls": 3771, "unpriced": 0},
        {"team": "unallocated", "amount": None, "calls": 12, "unpriced": 12},
    ]
    return {
        "from": "2026-11-01T00:00:00Z",
        "to": "2026-11-25T00:00:00Z",
        "currency": "USD",
        "zone": "UTC",
        "interval": "none",
        "data": rows,
        "totals": {"amount": "1957.5801", "calls": 3783, "unpriced": 12},
        "has_more": False,
        **more,
    }


@settings(deadline=None)
@given(st.integers(1, 200), st.lists(st.integers(0, 10**12), min_size=1, max_size=6))
def test_no_number_is_ever_cut(width: int, numbers: list[int]) -> None:
    columns = [Column(heading="model"), *(Column(heading=f"n{index}", number=True) for index in range(len(numbers)))]
    table = Tabulated(columns=columns, rows=[["a-model-with-a-long-name", *(f"{number:,}" for number in numbers)]])
    text = "\n".join(rendered(table, width))
    assert text.split("\n")[1].split()[1:] == [f"{number:,}" for number in numbers]
    folded = "".join(line[:24].split(" ")[0] for line in text.split("\n")[1:])
    assert folded == "a-model-with-a-long-name"


@pytest.mark.parametrize(("width", "bars"), [(120, True), (44, False), (20, False)])
def test_bars_give_way_before_amounts(width: int, bars: bool) -> None:
    text = "\n".join(rendered(SpendTable(spend(), ["team"]).render(), width))
    assert ("█" in text) is bars
    assert "1,957.58" in text
    assert text.count("unpriced") == 2
    assert "(unalloc" in text


def test_hours_always_tell_the_clock_and_the_offset_where_clocks_turn() -> None:
    starts = ["2026-10-25T00:00:00+02:00", "2026-10-25T02:00:00+02:00", "2026-10-25T02:00:00+01:00"]
    rows = [{"start": start, "end": "", "amount": "1", "calls": 1, "unpriced": 0} for start in starts]
    text = "\n".join(rendered(SpendTable(spend(interval="hour", data=rows), []).render(), 120))
    assert all(shown in text for shown in ("25 00:00+02:00", "25 02:00+02:00", "25 02:00+01:00"))
    plain = "\n".join(rendered(SpendTable(spend(interval="hour", data=rows[:2]), []).render(), 120))
    assert "2026-10-25 00:00 " in plain
    assert "+02:00" not in plain


def test_exact_amounts_stand_point_below_point() -> None:
    amounts = ["171", "1174.6941106125", "0.05"]
    cells = [MoneyFormat.fitting(amounts, exact=True).cell(amount).plain for amount in amounts]
    right = [len(cell) - (cell.index(".") if "." in cell else len(cell.rstrip())) for cell in cells]
    assert len(set(right)) == 1
    assert [Decimal(cell.strip().replace(",", "")) for cell in cells] == list(map(Decimal, amounts))


def test_a_small_share_of_a_large_amount_is_no_false_zero() -> None:
    money = MoneyFormat.fitting(["80", "0.001", "0"])
    assert [money.text(amount) for amount in ("80", "0.001", "0", None)] == ["80.00", "<0.01", "0.00", "unpriced"]


def test_the_account_leaves_out_what_never_happened_and_shows_what_is_wrong() -> None:
    sums = {"received": 2, "counted": 2, "duplicate": 0, "conflict": 0, "rejected": 0, "pending": 0, "balance": 0}
    row = {"day": "2026-11-24", "source": "urn:a", **sums}
    document = {"from": "2026-01-01", "to": "2027-01-01", "data": [row], "totals": sums}
    text = "\n".join(rendered(conservation_table(document), 80))
    assert text.splitlines()[0] == "Events received on 2026-11-24 (UTC)"
    assert "pending" not in text
    wrong = sums | {"counted": 1, "balance": 1}
    broken = document | {"data": [row | wrong], "totals": wrong}
    assert "balance" in "\n".join(rendered(conservation_table(broken), 80))


def test_a_low_screen_shows_the_choice_that_fits() -> None:
    choices = FittingHeight(["a\nb\nc\nd", "a\nb", "a"])
    assert [len(rendered(choices, 80, height)) for height in (4, 3, 2, 1)] == [4, 2, 2, 1]


@pytest.mark.parametrize(
    ("heading", "lines"),
    [("calls", "calls"), ("cached input tokens", "cached input\ntokens"), ("latency p95 ms", "latency\np95 ms")],
)
def test_long_headings_break_near_their_middle(heading: str, lines: str) -> None:
    assert in_lines(heading) == lines
