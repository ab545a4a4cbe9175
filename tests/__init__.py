"""The tests, by folder as the code; whole-system tests under `system`."""
