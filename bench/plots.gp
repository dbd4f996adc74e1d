# plots.gp: one picture: name (lateness, memory, cpu), data, picture and held are set by report.py.
set terminal svg size 760,420 dynamic font "sans-serif,13" background "white"
set output picture
set grid ytics lc rgb "#dddddd"
set border 3
set tics nomirror
set key outside right top reverse Left samplen 2
array colours[7] = ["#c8102e", "#009639", "#00add8", "#8a6d00", "#7d4698", "#888888", "#000000"]
columns = int(system("head -n 2 '" . data . "' | tail -n 1 | awk '{print NF}'"))

if (name eq "lateness") {
    # The label of a row has a blank in it, and so counts as two words.
    columns = columns - 1
    set title "Lateness of answers, ".held." waits held"
    set logscale y
    set ylabel "µs (log)"
    set xlabel "share of answers that is no later"
    plot for [i = 2:columns] data using 0:i:xtic(1) with linespoints pt 7 ps 0.5 lw 2 \
        lc rgb colours[i - 1] title columnheader(i)
}
if (name eq "memory") {
    set title "Resident memory of the server per wait, ".held." held"
    set ylabel "KiB"
    set yrange [0:*]
    set style data histograms
    set style histogram clustered gap 1
    set style fill solid 0.85 noborder
    plot data using 2:xtic(1) lc rgb "#c8102e" title columnheader(2), \
        data using 3 lc rgb "#f0a0a8" title columnheader(3)
}
if (name eq "cpu") {
    set title "CPU time of the server per keep-alive wait, equal waits per second"
    set logscale x
    set ylabel "µs"
    set yrange [0:*]
    set xlabel "waits held (log)"
    plot for [i = 2:columns] data using 1:i with linespoints pt 7 ps 0.5 lw 2 \
        lc rgb colours[i - 1] title columnheader(i)
}
