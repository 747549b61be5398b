"""The version, as the file VERSION of the repository has it (a test compares them)."""

VERSION = "0.1.0"
