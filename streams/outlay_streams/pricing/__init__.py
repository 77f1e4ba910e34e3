"""Prices: what each event costs, exactly, and why.

`PriceBook.compile(contract).price(usage)` prices a batch; `bill(record.terms, quantities, calls)` computes one amount
again, line by line, from its price record alone.
"""

from outlay_streams.pricing.bill import Bill, BillLine, bill
from outlay_streams.pricing.book import PriceBook
from outlay_streams.pricing.listed import PriceList, Qualifiers
from outlay_streams.pricing.priced import PRICED, STATED
from outlay_streams.pricing.resolve import Reported, Resolved
from outlay_streams.pricing.terms import PriceRecord, Terms

__all__ = [
    "PRICED",
    "STATED",
    "Bill",
    "BillLine",
    "PriceBook",
    "PriceList",
    "PriceRecord",
    "Qualifiers",
    "Reported",
    "Resolved",
    "Terms",
    "bill",
]
