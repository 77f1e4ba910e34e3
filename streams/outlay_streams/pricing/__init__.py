"""Prices: what each event costs, exactly, and why.

`PriceBook.compile(contract).price(usage)` prices a batch; `bill(terms, quantities, calls)` computes one amount
again, line by line, with `Terms.from_body` of its price record.
"""

from outlay_streams.pricing.bill import Bill, BillLine, bill
from outlay_streams.pricing.book import PriceBook
from outlay_streams.pricing.listed import PriceList, Qualifiers
from outlay_streams.pricing.priced import PRICED
from outlay_streams.pricing.resolve import Reported, Resolved
from outlay_streams.pricing.terms import Terms

__all__ = [
    "PRICED",
    "Bill",
    "BillLine",
    "PriceBook",
    "PriceList",
    "Qualifiers",
    "Reported",
    "Resolved",
    "Terms",
    "bill",
]
