"""The budgets role: cells in, budgets and team windows kept and published."""

from outlay_streams.runtime.faust_budgets.errors import BudgetsError, Unstoppable
from outlay_streams.runtime.faust_budgets.running import run_budgets

__all__ = ["BudgetsError", "Unstoppable", "run_budgets"]
