"""What the ledger can be asked: each question is a small frozen value that writes itself as SQL.

`spend` sums the ledger, `entries` pages through it, `conservation` accounts for every event received; `planner` picks
the cheapest table that answers a spend question exactly.
"""
