"""Whole scripts, run once with torch and once with jtorch, their results compared."""
