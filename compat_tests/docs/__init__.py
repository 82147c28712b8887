"""The examples in torch's own docstrings, run with torch and with jtorch: what they print is compared as text.

The docstrings are read from the installed torch when this runs. `python -m compat_tests.docs` prints the table.
"""
