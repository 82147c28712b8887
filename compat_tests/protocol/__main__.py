"""`python -m compat_tests.protocol [THEME ...]`: the lines that show something else with jtorch, and how many."""

import argparse

from compat_tests.protocol.run import difference, lines, themes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("themes", nargs="*")
    wanted = parser.parse_args().themes or themes()
    for theme in wanted:
        found = [said for line in lines(theme) if (said := difference(line)) is not None]
        print(*found, sep="\n")
        print(f"{theme}: {len(lines(theme))} lines, {len(found)} differ")


if __name__ == "__main__":
    main()
