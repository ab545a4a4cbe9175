"""What is held against what: the checks of `fastlakare verify`, a file each family (operations.md, Verify)."""
