"""What crosses a boundary in Outlay: pure values, no I/O, nothing heavy at import.

`outlay_schemas.arrow` needs pyarrow and `outlay_schemas.codec` needs fastavro; import them where they are used.
"""
