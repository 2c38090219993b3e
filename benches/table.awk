# Medians, ratios and goals from the samples of benches/run.sh, as a table and as JSON.
#
#   awk -v mode=quick -v json=FILE -v head=JSON-MEMBERS -f table.awk cases.txt samples.tsv
#
# A sample is: case, who (ref, ours or raw), metric, value; or case, who, "error", reason. Status 1 if a goal is not met.

function trim(text) { gsub(/^[ \t]+|[ \t]+$/, "", text); return text }

function median(name, who, metric,    count, i, j, swap, sorted) {
    count = samples[name, who, metric]
    if (!count) return ""
    for (i = 1; i <= count; i++) sorted[i] = value[name, who, metric, i]
    return middle(sorted, count)
}

function middle(sorted, count,    i, j, swap) {
    for (i = 2; i <= count; i++)
        for (j = i; j > 1 && sorted[j - 1] > sorted[j]; j--) { swap = sorted[j]; sorted[j] = sorted[j - 1]; sorted[j - 1] = swap }
    return count % 2 ? sorted[(count + 1) / 2] : (sorted[count / 2] + sorted[count / 2 + 1]) / 2
}

# The median of the ratios of neighbouring runs: less moved by a machine whose pace changes during the run.
function paired(name, metric, against,    count, i, n, ratios) {
    count = samples[name, "ours", metric]
    if (count != samples[name, against, metric]) return ""
    for (i = 1; i <= count; i++)
        if (value[name, against, metric, i] > 0 && value[name, "ours", metric, i] >= 0) ratios[++n] = value[name, "ours", metric, i] / value[name, against, metric, i]
    return n ? middle(ratios, n) : ""
}

function ratio(a, b) { return a == "" || b == "" || a < 0 || b <= 0 ? "" : a / b }

function show(number,    size) {
    if (number == "") return "-"
    size = number < 0 ? -number : number
    if (size >= 1e6) return sprintf("%.2f M", number / 1e6)
    if (size >= 1e4) return sprintf("%.1f k", number / 1e3)
    if (size >= 100) return sprintf("%.0f", number)
    if (size >= 1 || size == 0) return sprintf("%.2f", number)
    return sprintf("%.3f", number)
}

function show_ratio(number) { return number == "" ? "-" : sprintf("%.2f", number) }

function quote(text) { gsub(/["\\]/, "\\\\&", text); return "\"" text "\"" }

function json_number(number) { return number == "" ? "null" : sprintf("%.6g", number) }

function json_samples(name, who, metric,    i, out) {
    for (i = 1; i <= samples[name, who, metric]; i++) out = out (i > 1 ? ", " : "") sprintf("%.8g", value[name, who, metric, i])
    return "[" out "]"
}

# One line of the table and one member of the JSON; goal is "" for a figure without one.
function row(name, metric, against, comparison, goal,    ref, ours, raw, pair, judged, met, text) {
    ref = median(name, "ref", metric); ours = median(name, "ours", metric); raw = median(name, "raw", metric)
    pair = paired(name, metric, against == "raw" ? "raw" : "ref")
    if (goal != "") {
        judged = against == "abs" ? ours : ratio(ours, against == "ref" ? ref : raw)
        text = comparison " " goal (against == "ref" ? " x ref" : against == "raw" ? " x raw" : "")
        if (judged == "") met = "no figure"
        else met = (comparison == ">=" ? judged >= goal + 0 : judged <= goal + 0) ? "yes" : "NO"
        if (met != "yes") missed++
        goals++
    }
    printf "%-34s %-22s %10s %10s %7s %7s %10s %5s  %-12s %s\n", name == last ? "" : name, metric, show(ref), show(ours),
        show_ratio(against == "raw" ? ratio(ours, raw) : ratio(ours, ref)), show_ratio(pair), show(raw),
        samples[name, "ours", metric] ? samples[name, "ours", metric] : samples[name, "raw", metric], text, met
    last = name
    printf "%s\n    {\"case\": %s, \"metric\": %s, \"reference\": %s, \"ours\": %s, \"raw\": %s, \"ratio_to_reference\": %s, " \
        "\"ratio_to_raw\": %s, \"paired_ratio\": %s, \"goal\": %s, \"met\": %s,\n     \"samples\": {\"reference\": %s, \"ours\": %s, " \
        "\"raw\": %s}}", rows++ ? "," : "", quote(name), quote(metric), json_number(ref), json_number(ours), json_number(raw),
        json_number(ratio(ours, ref)), json_number(ratio(ours, raw)), json_number(pair), text == "" ? "null" : quote(text),
        met == "yes" ? "true" : met == "" ? "null" : "false", json_samples(name, "ref", metric),
        json_samples(name, "ours", metric), json_samples(name, "raw", metric) > json
}

FNR == 1 { file++ }

file == 1 && /^(case|goal|show) *\|/ {
    split($0, field, "|")
    if (trim(field[1]) == "case") name = trim(field[2])
    lines++
    line_case[lines] = name
    line_kind[lines] = trim(field[1])
    for (i = 2; i <= 6; i++) line[lines, i] = trim(field[i])
    next
}

file == 2 {
    split($0, field, "\t")
    seen[field[1]] = 1
    if (field[3] == "error") { errors[++error_count] = field[1] " (" field[2] "): " field[4]; next }
    value[field[1], field[2], field[3], ++samples[field[1], field[2], field[3]]] = field[4] + 0
}

END {
    kind = mode == "bars" ? "bar" : "target"
    printf "{%s, \"rows\": [", head > json
    printf "%-34s %-22s %10s %10s %7s %7s %10s %5s  %-12s %s\n", "case", "metric", "reference", "ours", "ratio", "paired", "raw",
        "runs", "goal", "met"
    for (l = 1; l <= lines; l++) {
        if (!(line_case[l] in seen)) continue
        if (line_kind[l] == "goal" && line[l, 2] == kind) row(line_case[l], line[l, 3], line[l, 4], line[l, 5], line[l, 6])
        if (line_kind[l] == "show") row(line_case[l], line[l, 2], "ref", "", "")
    }
    printf "\n  ], \"goals\": %d, \"missed\": %d}\n", goals, missed > json
    print ""
    for (i = 1; i <= error_count; i++) print "failed: " errors[i]
    print "ratio: ours divided by the reference (or by raw, where the goal is against raw), of medians; paired: median of the ratios"
    print "of neighbouring runs. raw: no library, plain sockets or two threads. The lower the ratio the better where the goal says <=."
    printf "bench: %d of %d goals met\n", goals - missed, goals
    exit goals == 0 || missed + error_count > 0
}
