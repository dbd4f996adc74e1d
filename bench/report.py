"""report.py: from results.json: the table, judged by the bars of the project, and the plots."""

import re
import statistics
import subprocess

ORDER = ["waitd", "waitd-2KiB", "nginx", "go", "node", "aiohttp", "floor"]
QUANTILES = ["0.1", "0.25", "0.5", "0.75", "0.9", "0.95", "0.99", "0.999"]
BEGIN, END = "<!-- figures: written by script/bench -->", "<!-- end of figures -->"


def present(section):
    return [name for name in ORDER if name in section]


class Figures:
    """Medians over the rounds, by peer; None where something was not measured."""

    def __init__(self, results):
        self.results = results

    def median(self, section, peer, pick):
        rounds = self.results.get(section, {}).get(peer)
        return statistics.median(pick(one) for one in rounds) if rounds else None

    def zero_cpu(self, peer):
        return self.median("zero", peer, lambda one: one["cpu_us_each"])

    def zero_rate(self, peer):
        return self.median("zero", peer, lambda one: one["per_second"])

    def churn_cpu(self, peer):
        return self.median("churn", peer, lambda one: one["cpu_us_each"])

    def late(self, peer, quantile, section="held", name="lateness"):
        return self.median(section, peer, lambda one: one[name]["quantiles_us"][quantile])

    def early(self, peer):
        """Of all rounds: how many came early, and the share of them."""
        rounds = self.results.get("held", {}).get(peer)
        if not rounds:
            return None, None
        early = sum(one["early"] for one in rounds)
        return early, early / max(1, sum(one["counted"] for one in rounds))

    def held_cpu(self, peer):
        return self.median("held", peer, lambda one: one["cpu_us_each"])

    def first_kb(self, peer):
        """Memory of a connection that waits in its first request."""
        return self.median("held", peer, lambda one: (one["rss_held_kb"] - one["rss_start_kb"])
                           / one["connections"])

    def counts(self):
        return [str(count) for count in self.results["sizes"]["steady"]["held"]]

    def later_kb(self, peer):
        """… and in a later one, on keep-alive."""
        most = self.counts()[-1]
        return self.median("steady", peer, lambda one: (
            one[most]["rss_after_kb"] - one[most]["rss_start_kb"]) / one[most]["connections"])

    def steady(self, peer, count, name="cpu_us_each"):
        rounds = self.results.get("steady", {}).get(peer)
        if not rounds or count not in rounds[0]:
            return None
        return statistics.median(one[count][name] for one in rounds)

    def workers_cpu(self, count):
        return self.median("workers", f"waitd-{count}", lambda one: one["cpu_us_each"])

    def less_busy_percent(self):
        return self.median("workers", "waitd-2", lambda one: (
            100 * one["threads_ns"][1] / sum(one["threads_ns"])))

    def calls(self, peer, kind):
        return self.results.get("syscalls", {}).get(peer, {}).get(kind, {}).get("each")

    def switches(self, peer):
        return self.results.get("idle", {}).get(peer, {}).get("switches")


def ratio(one, other):
    return one / other if one is not None and other else None


def number(value, digits=2, unit=""):
    return "–" if value is None else f"{value:,.{digits}f}{unit}"


# ---- the bars ----


def bars(figures):
    """(what, value, digits, unit, limit, note): it holds where value <= limit; no limit: told."""
    own = figures.zero_cpu("waitd")
    for peer, limit in (("nginx", 1.10), ("floor", 1.35), ("go", 0.40), ("node", 0.25),
                        ("aiohttp", 0.10)):
        other = figures.zero_cpu(peer)
        yield (f"CPU per zero-delay request against {peer}", ratio(own, other), 2, "×", limit,
               f"{number(own)} against {number(other)} µs")
    yield "syscalls per zero-delay request", figures.calls("waitd", "zero"), 2, "", 2.2, ""

    early, _ = figures.early("waitd")
    held = f"{figures.results['sizes']['held']['connections']:,} held"
    yield f"early answers, {held}", early, 0, "", 0, ""
    p50, p90 = figures.late("waitd", "0.5"), figures.late("waitd", "0.9")
    other50, other90 = figures.late("nginx", "0.5"), figures.late("nginx", "0.9")
    yield f"lateness p50, {held}", p50, 0, " µs", 150, ""
    yield ("… against nginx echo_sleep", ratio(p50, other50), 2, "×", 0.45,
           f"{number(p50, 0)} against {number(other50, 0)} µs")
    yield ("lateness p90 against nginx echo_sleep", ratio(p90, other90), 2, "×", 0.6,
           f"{number(p90, 0)} against {number(other90, 0)} µs")
    _, share = figures.early("nginx")
    yield ("early answers of nginx", None if share is None else share * 100, 2, " %", None, "")

    own, other = figures.churn_cpu("waitd"), figures.churn_cpu("nginx")
    yield ("CPU per connect + wait + close against nginx", ratio(own, other), 2, "×", 1.25,
           f"{number(own, 1)} against {number(other, 1)} µs")
    calls = figures.calls("nginx", "churn")
    yield ("syscalls per connect + wait + close", figures.calls("waitd", "churn"), 2, "", 14,
           f"nginx {number(calls)}")

    counts = figures.counts()
    few, many = (figures.steady("waitd", count) for count in (counts[0], counts[-1]))
    yield (f"CPU per wait, {int(counts[-1]):,} held against {counts[0]}", ratio(many, few), 2,
           "×", 1.35, f"{number(many, 1)} against {number(few, 1)} µs")

    for peer, limit in (("waitd", 5.5), ("waitd-2KiB", 3.5)):
        pool = "default pool" if peer == "waitd" else "--connection-memory 2KiB"
        yield (f"memory per held wait, {pool}, first request", figures.first_kb(peer), 2, " KiB",
               limit, "")
        yield (f"memory per held wait, {pool}, later request", figures.later_kb(peer), 2, " KiB",
               limit, "")
    yield from stream_bars(figures)
    one, two = figures.workers_cpu(1), figures.workers_cpu(2)
    yield ("CPU per zero-delay request, two workers against one", ratio(two, one), 2, "×", 1.35,
           f"{number(two)} against {number(one)} µs")
    yield ("… the less busy one's share of the work", figures.less_busy_percent(), 0, " %", None,
           "64 connections")
    yield "context switches of an idle server", figures.switches("waitd"), 0, "", 0, ""


def stream_bars(figures):
    rounds = figures.results.get("stream", {}).get("waitd")
    if not rounds:
        return
    rows = figures.results["sizes"]["stream"]["rows"]
    what = f"/wait_n, n = {rows:,}"
    wrong = sum(one["rows"] != rows or not one["whole"] or not one["ordered"] for one in rounds)
    early = sum(one["row_lateness"]["negative"] for one in rounds)
    seconds = statistics.median(one["stream_seconds"] for one in rounds)
    peak = statistics.median(one["peak_kb"] for one in rounds) / 1024
    p50, p99 = (figures.late("waitd", quantile, "stream") for quantile in ("0.5", "0.99"))
    floor = figures.late("floor", "0.99", "stream")
    yield f"{what}: runs not whole or not in order", wrong, 0, "", 0, f"of {len(rounds)}"
    yield f"{what}: early rows", early, 0, "", 0, ""
    yield f"{what}: over after", seconds, 2, " s", 3, ""
    late = figures.late("waitd", "0.5", "stream", "row_lateness")
    yield f"{what}: lateness of its rows, p50", late / 1000, 1, " ms", None, ""
    yield f"{what}: peak memory", peak, 1, " MB", 120, ""
    yield f"{what}: another's /wait, p50", p50 / 1000, 2, " ms", 1, ""
    limit = floor / 1000 + 5 if floor is not None else None
    yield (f"{what}: another's /wait, p99", p99 / 1000, 2, " ms", limit,
           f"bare loop {number(floor and floor / 1000)} ms, and 5 ms")


def bar_table(figures):
    yield "| measure | figure | at most | holds | |"
    yield "|---|---:|---:|---|---|"
    for what, value, digits, unit, limit, note in bars(figures):
        if value is None:
            continue
        holds = "" if limit is None else "yes" if value <= limit else "**no**"
        bar = "" if limit is None else f"{limit:,.{digits}f}{unit}"
        yield f"| {what} | {number(value, digits, unit)} | {bar} | {holds} | {note} |"


# ---- side by side ----


def peer_table(figures):
    results = figures.results
    peers = [name for name in ORDER
             if any(name in results.get(section, {})
                    for section in ("zero", "held", "churn", "steady", "syscalls", "idle"))]
    held = f"{results['sizes']['held']['connections']:,} held"
    rows = [
        ("zero delay: CPU, µs a request", lambda peer: number(figures.zero_cpu(peer))),
        ("zero delay: requests/s in the closed loop", lambda peer: number(figures.zero_rate(peer), 0)),
        ("zero delay: syscalls a request", lambda peer: number(figures.calls(peer, "zero"))),
        (f"{held}: early", lambda peer: number(share(figures.early(peer)[1]), 2, " %")),
        (f"{held}: lateness p50, µs", lambda peer: number(figures.late(peer, "0.5"), 0)),
        (f"{held}: lateness p90, µs", lambda peer: number(figures.late(peer, "0.9"), 0)),
        (f"{held}: lateness p99, µs", lambda peer: number(figures.late(peer, "0.99"), 0)),
        (f"{held}: the load maker's own lateness, p50, µs",
         lambda peer: number(figures.late(peer, "0.5", "held", "slip"), 0)),
        (f"{held}: CPU, µs a connect + wait", lambda peer: number(figures.held_cpu(peer), 1)),
        ("KiB per held wait, first request", lambda peer: number(figures.first_kb(peer))),
        ("KiB per held wait, later request", lambda peer: number(figures.later_kb(peer))),
        ("connect + wait + close: CPU, µs", lambda peer: number(figures.churn_cpu(peer), 1)),
        ("connect + wait + close: syscalls", lambda peer: number(figures.calls(peer, "churn"))),
        ("keep-alive wait: syscalls", lambda peer: number(figures.calls(peer, "keepalive"))),
    ]
    for count in figures.counts():
        rows.append((f"keep-alive wait, {int(count):,} held: CPU, µs",
                     lambda peer, count=count: number(figures.steady(peer, count), 1)))
        rows.append(("… waits/s", lambda peer, count=count: number(
            figures.steady(peer, count, "per_second"), 0)))
    rows.append(("idle: context switches", lambda peer: number(figures.switches(peer), 0)))
    yield "| | " + " | ".join(peers) + " |"
    yield "|---|" + "---:|" * len(peers)
    for what, cell in rows:
        cells = [cell(peer) for peer in peers]
        if any(text != "–" for text in cells):
            yield f"| {what} | " + " | ".join(cells) + " |"


def share(value):
    return None if value is None else value * 100


def machine_table(results):
    machine = results["machine"]
    libraries = ", ".join(f"{name} {version}" for name, version in machine["libraries"].items())
    yield "| | |"
    yield "|---|---|"
    yield f"| date | {machine['date']}, commit {machine['commit']} |"
    yield (f"| machine | {machine['cpu']}, {machine['cores']} cores, {machine['memory_gib']} GiB;"
           f" {machine['pins']} |")
    yield f"| system | {machine['system']}, Linux {machine['kernel']} |"
    steal = machine.get("steal_percent")
    yield (f"| quiet? | load {machine['load_before']:.2f} before the run;"
           f" {number(steal, 1)} % of the time stolen by the host in it |")
    if machine.get("note"):
        yield f"| note | {machine['note']} |"
    for name in present(results["versions"]):
        version = results["versions"][name]
        if version:
            with_libraries = f" with {libraries}" if name == "waitd" else ""
            yield f"| {name} | {version}{with_libraries} |"


def text_of(results):
    figures = Figures(results)
    return "\n".join([*machine_table(results), "", *bar_table(figures), "",
                      *peer_table(figures), ""])


# ---- the plots ----


def write_table(path, header, rows):
    lines = [header, *rows]
    path.write_text("\n".join(" ".join(map(str, line)) for line in lines) + "\n")


def value_or_nan(value):
    return "NaN" if value is None or value <= 0 else value


def plot(results, out, folder):
    """Data and gnuplot's script go to out, the pictures to folder."""
    figures = Figures(results)
    drawn = []
    if "held" in results:
        peers = [peer for peer in present(results["held"]) if peer != "waitd-2KiB"]
        names = []
        for peer in peers:
            early = share(figures.early(peer)[1])
            names.append(f'"{peer} ({number(early, 1)} % early)"')
        write_table(out / "lateness.dat", ["quantile", *names], [
            [f'"{float(quantile) * 100:g} %"',
             *(value_or_nan(figures.late(peer, quantile)) for peer in peers)]
            for quantile in QUANTILES])
        drawn.append("lateness")
    if "held" in results and "steady" in results:
        peers = [peer for peer in present(results["held"]) if peer != "floor"]
        write_table(out / "memory.dat", ["peer", '"first request"', '"later request"'], [
            [peer, value_or_nan(figures.first_kb(peer)), value_or_nan(figures.later_kb(peer))]
            for peer in peers])
        drawn.append("memory")
    if "steady" in results:
        peers = [peer for peer in present(results["steady"]) if peer != "waitd-2KiB"]
        write_table(out / "cpu.dat", ["held", *peers], [
            [count, *(value_or_nan(figures.steady(peer, count)) for peer in peers)]
            for count in figures.counts()])
        drawn.append("cpu")
    folder.mkdir(parents=True, exist_ok=True)
    script = __file__.replace("report.py", "plots.gp")
    for name in drawn:
        variables = (f"name='{name}'; data='{out}/{name}.dat'; picture='{folder}/{name}.svg';"
                     f" held='{results['sizes']['held']['connections']:,}'")
        try:
            subprocess.run(["gnuplot", "-e", variables, script], check=True, timeout=60)
        except OSError:
            print("bench: no gnuplot, no plots")
            return


def write(results, out, docs):
    """docs is None where the results are not a whole run: then only out is written."""
    text = text_of(results)
    print(text)
    (out / "table.md").write_text(text)
    plot(results, out, docs / "bench" if docs else out)
    page = docs / "benchmarks.md" if docs else None
    if page and page.exists():
        between = re.compile(f"{re.escape(BEGIN)}.*{re.escape(END)}", re.S)
        old = page.read_text()
        page.write_text(between.sub(lambda _: f"{BEGIN}\n{text}{END}", old))
