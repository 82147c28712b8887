"""Random programs, run line by line with torch and with jtorch; after each all that can be seen is compared.

A program is plain Python source on names `t0`, `t1`, ...; what torch's tensors are decides which lines may come next.
`python -m compat_tests.fuzz --programs 20000 --seed 1 --json FILE` runs many and writes what differed, shrunk.
"""
