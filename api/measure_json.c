#include "api/measure_json.h"

#include "api/wait_n_json.h"
#include "base/number.h"

static void
write_totals(const struct measure *measure, const struct measure_part *part,
             struct json_writer *json)
{
    double total = ns_to_seconds(part->total_ns);

    json_member_double(json, "total", total);
    json_member_double(json, "average", total / (double)measure->n);
}

static void
write_mode(const struct measure *measure, const struct measure_part *part,
           struct json_writer *json)
{
    json_key(json, part->limit ? "sequential" : "concurrent");
    json_begin_object(json);
    write_totals(measure, part, json);
    json_end_object(json);
}

static void
write_speedup(const struct measure *measure, struct json_writer *json)
{
    double concurrent = ns_to_seconds(measure->parts[0].total_ns);
    double sequential = ns_to_seconds(measure->parts[1].total_ns);

    if (concurrent > 0)
        json_member_double(json, "speedup", sequential / concurrent);
    else
        json_member_null(json, "speedup");
}

static void
write_limited(const struct measure *measure, struct json_writer *json)
{
    json_key(json, "limited");
    json_begin_array(json);
    for (size_t i = measure->modes; i < measure->count; i++) {
        json_begin_object(json);
        json_member_integer(json, "limit", (int64_t)measure->parts[i].limit);
        write_totals(measure, &measure->parts[i], json);
        json_end_object(json);
    }
    json_end_array(json);
}

void
measure_write(const struct measure *measure, struct json_writer *json)
{
    json_member_integer(json, "n", (int64_t)measure->n);
    delay_spec_write_seed(&measure->spec, json);
    for (size_t i = 0; i < measure->modes; i++)
        write_mode(measure, &measure->parts[i], json);
    if (measure->modes == 2)
        write_speedup(measure, json);
    if (measure->count > measure->modes)
        write_limited(measure, json);
}
