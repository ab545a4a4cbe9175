"""`fastlakare import`: how files are read, and whole runs against the service."""
