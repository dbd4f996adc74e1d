/* manual.c: docs/api.md, from the route tables. */
#include "api/app.h"
#include "api/metrics.h"
#include "api/profiles.h"
#include "base/number.h"

#include <string.h>

static const char introduction[] =
    "<!-- Printed by `waitd --print-api`; a test keeps it fresh. -->\n"
    "# waitd over HTTP\n\n"
    "Every endpoint, parameter and error. `/openapi.json` says the same for programs, "
    "with the limits in force.\n\n"
    "**Parameters** come in the query; POST, PUT and PATCH also take a JSON object "
    "with the same names (`Content-Type: application/json`; `curl --json` sends it "
    "so). A duration is a number of seconds, or a number with a unit: `us ms s m h`. "
    "Nothing is clamped: what is outside its limits, unknown, empty or there twice is "
    "a 400 that names it. What is `false`, or a rate of 0, contradicts nothing.\n\n"
    "**Answers** are one JSON value and a newline; durations in seconds. An elapsed "
    "time runs on the server from the moment the request was read whole (of a task: "
    "since it was made), and a wait that ran out has `elapsed >= delay`, always. "
    "Streams send each row in the turn in which its timer fires; their `Waitd-Id` is "
    "the id under which /tasks knows the request (one that streams tasks is not listed "
    "itself, and has none). A client that closes or half-closes "
    "its connection cancels what its request waits for (not: tasks); answers that need "
    "no wait are still sent. One who reads nothing for `--stall-timeout` "
    "while there is something to read is cut off. HEAD of a stream answers its "
    "headers and starts nothing.\n\n"
    "**Waiting.** `wait=T` on a GET is a long-poll: 200 with the state as it then is. "
    "`timeout=T` is a 504 when it is over. Where a result and a timeout fall on the "
    "same instant, the result wins.\n\n"
    "**Reach.** What comes from a web page (`Origin`, `Sec-Fetch-Site`) may change "
    "something (POST, PUT, PATCH, DELETE) only from this server's own origin, or from "
    "one of `--cors-origin`, which may read all answers too; else it is a 403. curl "
    "and programs send neither. With `--allow-host` every other host is a 421 "
    "(HTTP/1.0 without one, too), but over the unix socket. With `--token-file` each "
    "request wants `Authorization: Bearer TOKEN`, else it is a 401. /healthz and "
    "/readyz want neither host nor token, OPTIONS no token.\n";

static void
print_limits(const struct field *field, struct text *out)
{
    char number[NUMBER_TEXT_MAX];

    if (field->words) {
        for (const char *const *word = field->words; *word; word++)
            text_format(out, "%s`%s`", word == field->words ? "" : " ", *word);
        if (field->kind != FIELD_COUNT)
            return;
        text_string(out, " or ");
    }
    if (field->max == 0 && !field->max_limit) {
        text_string(out, field_kind_text(field->kind));
        return;
    }
    number_print(field->min, number);
    text_format(out, "%s … ", number);
    if (field->max_limit)
        text_string(out, field->max_limit == LIMIT_MAX_DELAY ? "`--max-delay`"
                                                             : "`--max-n`");
    else {
        number_print(field->max, number);
        text_string(out, number);
    }
    if (field->unit)
        text_format(out, " %s", field->unit);
}

/* "Needs `a` or `b`.", of those that there are. */
static void
print_needs(const struct field *field, const struct shape *shape, struct text *out)
{
    const char *before = " Needs ";

    for (const char *const *other = field->needs; other && *other; other++) {
        if (shape_find(shape, *other, strlen(*other)) == NULL)
            continue;
        text_format(out, "%s`%s`", before, *other);
        before = " or ";
    }
    text_string(out, field->needs ? "." : "");
}

static void
print_field(const struct field *field, const struct shape *shape, struct text *out)
{
    text_format(out, "| `%s` | ", field->name);
    print_limits(field, out);
    text_format(out, " | %s | `%s` | %s",
                field->required        ? "required"
                : field->fallback_text ? field->fallback_text
                                       : "",
                field->example, field->text);
    for (const char *const *other = field->excludes; other && *other; other++)
        text_format(out, "%s`%s`", other == field->excludes ? " Not with " : ", ",
                    *other);
    text_string(out, field->excludes ? "." : "");
    print_needs(field, shape, out);
    text_string(out, " |\n");
}

/* Its status, as far as it has one of its own. */
static void
print_status(enum error error, struct text *out)
{
    if (error_has_any_status(error))
        text_string(out, "400…599");
    else
        text_format(out, "%d", error_info(error)->status);
}

static void
print_answers(const struct route *route, struct text *out)
{
    for (const struct answer *answer = route->answers; answer->status; answer++) {
        text_format(out, "- **%d**", answer->status);
        if (answer->status != 204)
            text_format(out, " `%s`", format_info(answer->format)->media_type);
        text_format(out, ": %s\n", answer->text);
        if (answer->example)
            text_format(out, "\n```\n%s\n```\n\n", answer->example);
    }
    for (const enum error *error = route->errors; *error; error++) {
        text_string(out, "- **");
        print_status(*error, out);
        text_format(out, "** %s\n", error_info(*error)->slug);
    }
}

static void
print_route(const struct route *route, struct text *out)
{
    text_string(out, "\n## ");
    methods_print(route->methods, "|", out);
    text_format(out, " %s\n\n%s%s%s\n\n```sh\ncurl -s %s\n```\n\n", route->path,
                route->text, route->more ? " " : "", route->more ? route->more : "",
                route->example);
    if (route->in.count) {
        text_string(out, "| parameter | values | default | example | |\n"
                         "|---|---|---|---|---|\n");
        for (size_t i = 0; i < route->in.count; i++)
            print_field(&route->in.fields[i], &route->in, out);
        text_string(out, "\n");
    }
    print_answers(route, out);
}

static void
print_errors(struct text *out)
{
    text_string(
        out, "\n## Errors\n\nErrors are `application/problem+json` (RFC 9457). Their "
             "type is `/problems/` and this name.\n\n| status | type | |\n"
             "|---|---|---|\n");
    for (enum error error = OK + 1; error < ERROR_COUNT; error++) {
        text_string(out, "| ");
        print_status(error, out);
        text_format(out, " | %s | %s |\n", error_info(error)->slug,
                    error_info(error)->text);
    }
}

static void
print_metrics(struct text *out)
{
    text_string(out, "\n## Metrics\n\n| name | type | |\n|---|---|---|\n");
    metrics_print_table(out);
}

void
api_print_manual(const struct app *app, struct text *out)
{
    text_string(out, introduction);
    for (const struct route *const *route = app->routes; *route; route++)
        print_route(*route, out);
    draw_print_dists(out);
    profiles_print(out);
    print_errors(out);
    print_metrics(out);
}
