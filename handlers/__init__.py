"""The decisions: one module per trigger, synchronous, without I/O, clock or dice."""
