"""The samples of every operation, a module a family."""
