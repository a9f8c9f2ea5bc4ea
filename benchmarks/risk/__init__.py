"""The risk engine's numbers beside their bounds: `python -m benchmarks.risk`."""
