"""The same call on real torch and on jtorch, compared."""
