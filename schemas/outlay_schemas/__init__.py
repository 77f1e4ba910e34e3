"""What crosses a boundary in Outlay: pure values, no I/O, nothing heavy at import.

`arrow` and `block` need pyarrow, `codec` fastavro and `identity` xxhash; import them where they are used.
"""
