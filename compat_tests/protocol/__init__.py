"""What Python code sees of tensors and the objects around them: lines of source, run with torch and with jtorch.

`python -m compat_tests.protocol [THEME ...]` prints the lines that show something else. The lines are in `lines/`.
"""
