"""Files to usage events: CSV, JSONL and Parquet, read a batch at a time, sent with ids that never change.

`mapping` says which column is which field, `reading` yields rows, `encoding` makes them events, `running` sends them.
"""
