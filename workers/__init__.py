"""The processes and the command line: they wire the parts together and decide nothing."""
