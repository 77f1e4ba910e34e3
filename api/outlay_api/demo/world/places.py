"""Where the users and employees of the example company live."""

from __future__ import annotations

from outlay_api.demo.rhythm import Market

EUROPE = Market("Europe", "Europe/Berlin")
AMERICAS = Market("Americas", "America/New_York")
INDIA = Market("India", "Asia/Kolkata")
