"""Northwind Labs: an invented company in three business units on three continents, and everything it runs on AI.

Its org tree, attribution rules and contract prices are in `catalog.yaml`; events name an app or a key and the catalog says
whose it is. One model is in no price book, and one app in no catalog, as in any real company.
"""

from __future__ import annotations
