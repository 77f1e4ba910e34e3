"""The loader: blocks of `spend` into the store, each once, whatever is repeated, killed or away."""

from outlay_streams.runtime.loader.run import run_loader

__all__ = ["run_loader"]
