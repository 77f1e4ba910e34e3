"""Budgets and team windows, kept by cells. Pure: no clock, no store, no runtime."""

from outlay_streams.budgets.book import OrgBook, Row
from outlay_streams.budgets.errors import BudgetsUnknown
from outlay_streams.budgets.start import Start

__all__ = ["BudgetsUnknown", "OrgBook", "Row", "Start"]
