"""What stops an import.

ImportStoppedError
├── MappingError   a --map or --set that names no field, no column or no value
└── FileError      a file that cannot be read as what it says it is
"""

from __future__ import annotations


class ImportStoppedError(Exception):
    """The import cannot go on; what was acknowledged stays, and the same command takes up where it stopped."""


class MappingError(ImportStoppedError):
    """The mapping does not fit the event or the file; correct what the message names."""


class FileError(ImportStoppedError):
    """The file cannot be read; the message says where and why."""
