"""coverage.py: coverage.py BUILD [--report]: of each file of server/ and api/ the share of
lines that a test has run, as gcc's own gcov counts them. It fails where a file of the
lowest layer or a parser is below the bar."""

import collections
import json
import pathlib
import subprocess
import sys

BAR = 90  # per cent of lines, of these:
BARRED = ("server/base/", "server/http/target.c", "server/http/negotiate.c", "server/http/json_body.c",
          "server/http/guard.c", "server/config.c", "api/draw.c", "api/dists.c", "api/delivery.c",
          "api/profiles.c", "api/fault.c", "api/tasks_page.c")

build = pathlib.Path(sys.argv[1]).resolve()
root = build.parent.parent
lines = collections.defaultdict(lambda: collections.defaultdict(int))
for data in build.rglob("*.gcda"):
    told = subprocess.run(["gcov", "--json-format", "--stdout", data], cwd=build,
                          capture_output=True, check=True, text=True).stdout
    for document in told.splitlines():
        for file in json.loads(document)["files"]:
            path = (build / file["file"]).resolve()
            for line in file["lines"]:
                lines[path][line["line_number"]] += line["count"]

failed, sums = False, collections.Counter()
for path in sorted(lines):
    try:
        name = str(path.relative_to(root))
    except ValueError:
        continue  # of the system
    if not name.startswith(("server/", "api/")) or not name.endswith(".c"):
        continue
    missed = sorted(line for line, count in lines[path].items() if count == 0)
    total = len(lines[path])
    share = 100 * (total - len(missed)) / total
    barred = name.startswith(BARRED)
    sums["all"] += total
    sums["missed"] += len(missed)
    failed = failed or (barred and share < BAR)
    print(f"{share:6.1f} %  {total:5}  {'*' if barred else ' '} {name}"
          + (f"  {missed}" if "--report" in sys.argv and missed else ""))
print(f"{100 * (sums['all'] - sums['missed']) / sums['all']:6.1f} %  {sums['all']:5}    all;"
      f" * at least {BAR} %")
sys.exit(failed)
