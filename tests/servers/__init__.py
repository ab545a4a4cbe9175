"""The servers that tests and benchmarks run against."""
