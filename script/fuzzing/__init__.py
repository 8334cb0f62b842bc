"""Feeds damaged input to everything that takes input from outside: script/fuzz."""
