/* GET /profiles, and the profiles themselves. */
#include "api/profiles.h"

#include "api/app.h"
#include "base/spelling.h"
#include "http/json_body.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FILE_MAX = 1024 * 1024, PROFILES_MAX = 1000 };

/* One as a file has it. */
struct profile_in {
    struct value_label text, source;
    struct draw_in draw;
};

/* clang-format off */
static const struct field fields[] = {
    FIELD(struct profile_in, text, FIELD_LABEL, .example = "our orders database",
          .text = "What it is like."),
    FIELD(struct profile_in, source, FIELD_LABEL, .example = "dashboard of May",
          .text = "Where the figures are from."),
    DRAW_WINDOW_FIELDS(struct profile_in),
    DRAW_MODEL_FIELDS(struct profile_in),
};
/* clang-format on */

static const struct shape shape = SHAPE(struct profile_in, fields);

enum { PARAMETERS_AT = 2 }; /* text and source are none */

/* A figure without a source does not get in. */
static const struct {
    const char *name, *text, *source, *parameters;
} builtin[] = {
    {"same-datacentre", "A round trip within one datacentre: a cache beside you.",
     "Jeff Dean, Numbers Everyone Should Know, in: Designs, Lessons and Advice from "
     "Building Large Distributed Systems, LADIS 2009: 500 us",
     "{\"dist\":\"fixed\",\"delay\":\"500us\"}"},
    {"cross-continent",
     "A round trip from California to the Netherlands: a database in another region.",
     "Jeff Dean, Numbers Everyone Should Know, LADIS 2009: CA->Netherlands->CA, 150 ms",
     "{\"dist\":\"fixed\",\"delay\":\"150ms\"}"},
    {"3g", "The latency of a 3G connection.",
     "WebPageTest, www/settings/connectivity.ini.sample: Mobile 3G, 300ms RTT",
     "{\"dist\":\"fixed\",\"delay\":\"300ms\"}"},
    {"2g", "The latency of a 2G connection.",
     "WebPageTest, www/settings/connectivity.ini.sample: Mobile 2G, 1300ms RTT",
     "{\"dist\":\"fixed\",\"delay\":\"1300ms\"}"},
    {"lte", "The latency of an LTE connection.",
     "WebPageTest, list of connections: LTE (12 Mbps/12 Mbps 70ms RTT)",
     "{\"dist\":\"fixed\",\"delay\":\"70ms\"}"},
    {"dsl", "The latency of a DSL connection.",
     "WebPageTest, www/settings/connectivity.ini.sample: DSL, 50ms RTT",
     "{\"dist\":\"fixed\",\"delay\":\"50ms\"}"},
    {"cold-start", "The cold start of a serverless function.",
     "AWS Lambda Developer Guide, Cold starts and latency: from under 100 ms to over "
     "1 second; how it lies between them is not said there",
     "{\"dist\":\"uniform\",\"min_delay\":\"100ms\",\"max_delay\":\"1s\"}"},
    {"p99-heavy-api", "Fast as a rule, and one request in a hundred takes a second.",
     "Dean and Barroso, The Tail at Scale, CACM 56(2), 2013: typically 10ms, a "
     "99th-percentile latency of one second; the form is ours",
     "{\"dist\":\"lognormal\",\"median\":\"10ms\",\"p99\":\"1s\"}"},
};

/* ---- the program's own -------------------------------------------------------------
 */

static enum error
read_builtin(size_t i, const double *limits, struct profile_in *in,
             struct problem *problem)
{
    const char *parameters = builtin[i].parameters;
    struct draw_room room;
    struct delay_spec spec;

    shape_defaults(&shape, limits, in);
    enum error error = json_body_parse(&shape, limits, "a profile", parameters,
                                       strlen(parameters), in, problem);
    return error ? error : draw_model(&in->draw, limits, &room, &spec, problem);
}

static void
add_builtins(struct profiles *profiles, const double *limits)
{
    for (size_t i = 0; i < COUNT(builtin); i++) {
        struct profile *profile = &profiles->at[profiles->count++];
        struct profile_in in;
        struct problem problem;

        *profile = (struct profile){.name = builtin[i].name,
                                    .text = builtin[i].text,
                                    .source = builtin[i].source};
        if (read_builtin(i, limits, &in, &problem))
            snprintf(profile->unusable, sizeof profile->unusable, "%.150s",
                     problem.detail);
        profile->in = in.draw;
    }
}

/* ---- of a file ---------------------------------------------------------------------
 */

static struct profile *
find(const struct profiles *profiles, const char *name)
{
    for (size_t i = 0; i < profiles->count; i++)
        if (strcmp(profiles->at[i].name, name) == 0)
            return &profiles->at[i];
    return NULL;
}

/* What the file is read with. */
struct reader {
    struct profiles *profiles;
    const double *limits;
};

static enum error
check_name(const struct profiles *profiles, const char *name, struct problem *problem)
{
    static const struct field field = {.name = "name", .kind = FIELD_NAME};
    struct value_name value = {0};

    if (find(profiles, name))
        return problem_set(problem, ERROR_INVALID_PARAMETER,
                           "the program has one of that name");
    if (profiles->count == PROFILES_MAX)
        return problem_set(problem, ERROR_INVALID_PARAMETER,
                           "it is one too many: at most %d", PROFILES_MAX);
    return field_set_text(&field, NULL, name, strlen(name), &value, problem);
}

static enum error
add(void *owner, const char *name, const void *parsed, struct problem *problem)
{
    struct reader *reader = owner;
    struct profiles *profiles = reader->profiles;
    const struct profile_in *in = parsed;
    struct draw_room room;
    struct delay_spec spec;
    enum error error = check_name(profiles, name, problem);
    if (!error)
        error = draw_model(&in->draw, reader->limits, &room, &spec, problem);
    if (error)
        return error;
    struct profile *profile = &profiles->at[profiles->count++];
    *profile = (struct profile){.name = strdup(name),
                                .text = strdup(in->text.bytes),
                                .source = strdup(in->source.bytes),
                                .in = in->draw};
    return profile->name && profile->text && profile->source ? OK : ERROR_OUT_OF_MEMORY;
}

/* The whole file; false: errno. */
static bool
read_file(const char *path, struct text *bytes)
{
    FILE *file = fopen(path, "re");
    char buffer[4096];
    size_t size;

    if (file == NULL)
        return false;
    while ((size = fread(buffer, 1, sizeof buffer, file)) > 0 && bytes->size < FILE_MAX)
        text_append(bytes, buffer, size);
    bool read = !ferror(file);
    fclose(file);
    if (bytes->size >= FILE_MAX)
        errno = EFBIG;
    return read && bytes->size < FILE_MAX;
}

static bool
add_file(struct profiles *profiles, const double *limits, const char *path,
         struct text *why)
{
    TEXT_AUTO bytes = {0};
    struct reader reader = {profiles, limits};
    struct profile_in in;
    struct problem problem = {0};
    char place[NAME_MAX_BYTES + 1] = "";
    size_t line = 0;

    if (!read_file(path, &bytes)) {
        text_format(why, "cannot read the profiles %s: %s", path, strerror(errno));
        return false;
    }
    struct json_each each = {.shape = &shape,
                             .limits = limits,
                             .in = &in,
                             .owner = &reader,
                             .take = add,
                             .place = place};
    if (json_body_each(&each, text_terminated(&bytes), bytes.size, &line, &problem)
        == OK)
        return true;
    text_format(why, "%s, line %zu: %s%s%s", path, line, place, place[0] ? ": " : "",
                problem.detail);
    return false;
}

bool
profiles_open(struct profiles *profiles, const double *limits, const char *path,
              struct text *why)
{
    *profiles = (struct profiles){
        .at = calloc(path ? PROFILES_MAX : COUNT(builtin), sizeof profiles->at[0])};
    if (profiles->at == NULL) {
        text_string(why, "out of memory");
        return false;
    }
    add_builtins(profiles, limits);
    if (path == NULL || add_file(profiles, limits, path, why))
        return true;
    profiles_close(profiles);
    return false;
}

void
profiles_close(struct profiles *profiles)
{
    for (size_t i = COUNT(builtin); i < profiles->count; i++) {
        free((char *)profiles->at[i].name);
        free((char *)profiles->at[i].text);
        free((char *)profiles->at[i].source);
    }
    free(profiles->at);
    *profiles = (struct profiles){0};
}

/* ---- asked for by name -------------------------------------------------------------
 */

static enum error
unknown(const struct profiles *profiles, const char *name, struct problem *problem)
{
    const char *nearest = NULL;
    size_t distance = 0;

    for (size_t i = 0; i < profiles->count; i++)
        spelling_consider(name, strlen(name), profiles->at[i].name, &nearest,
                          &distance);
    problem_set(problem, ERROR_INVALID_PARAMETER,
                "profile=%s is not there; %s%s%sGET /profiles lists them", name,
                nearest ? "did you mean " : "", nearest ? nearest : "",
                nearest ? "? " : "");
    problem_value(problem, name, strlen(name));
    return draw_blame(problem, "profile", NULL);
}

enum error
profiles_find(struct exchange *exchange, const char *name, const struct draw_in **in,
              struct problem *problem)
{
    const struct app *app = exchange_app(exchange);
    const struct profile *profile = find(app->profiles, name);

    if (profile == NULL)
        return unknown(app->profiles, name, problem);
    *in = &profile->in;
    if (!profile->unusable[0])
        return OK;
    problem_set(problem, ERROR_INVALID_PARAMETER, "profile=%s cannot be used here: %s",
                name, profile->unusable);
    problem_value(problem, name, strlen(name));
    return draw_blame(problem, "profile", NULL);
}

static void
write_parameters(const struct profile *profile, struct json_writer *json)
{
    struct profile_in in = {.draw = profile->in};

    json_begin_object(json);
    for (size_t i = PARAMETERS_AT; i < shape.count; i++) {
        if (!field_given(&fields[i], &in))
            continue;
        json_key(json, fields[i].name);
        field_write(&fields[i], &in, json);
    }
    json_end_object(json);
}

static void
write_profile(const struct profile *profile, struct json_writer *json)
{
    json_begin_object(json);
    json_member_string(json, "name", profile->name);
    json_key(json, "parameters");
    write_parameters(profile, json);
    json_member_string(json, "text", profile->text[0] ? profile->text : NULL);
    json_member_string(json, "source", profile->source[0] ? profile->source : NULL);
    if (profile->unusable[0])
        json_member_string(json, "unusable", profile->unusable);
    json_end_object(json);
}

static enum error
handle(struct exchange *exchange, const void *in, struct problem *problem)
{
    const struct app *app = exchange_app(exchange);
    struct reply reply = {.status = 200};
    struct text body = {0};
    struct json_writer json = json_writer(&body);

    (void)in;
    (void)problem;
    json_begin_object(&json);
    json_key(&json, "profiles");
    json_begin_array(&json);
    for (size_t i = 0; i < app->profiles->count; i++)
        write_profile(&app->profiles->at[i], &json);
    json_end_array(&json);
    json_end_object(&json);
    text_string(&body, "\n");
    exchange_reply(exchange, &reply, &body);
    return OK;
}

static const struct answer answers[] = {
    {200, FORMAT_JSON, "All of them; durations in seconds.",
     "{\"profiles\":[{\"name\":\"p99-heavy-api\",\"parameters\":{\"dist\":"
     "\"lognormal\",\"median\":0.01,\"p99\":1},\"text\":\"…\",\"source\":\"…\"}]}"},
    {0},
};

static const enum error errors[] = {OK};

const struct route route_profiles = {
    .methods = METHOD_GET,
    .path = "/profiles",
    .text = "Lists the profiles: what profile=NAME stands for.",
    .more =
        "Own ones come from `--profiles FILE`: a JSON object that has for each name "
        "an object of the parameters below Distributions (with `min_delay`, "
        "`max_delay`, `delay`), and `text` and `source` where you like: "
        "`{\"orders-db\":{\"dist\":\"percentiles\",\"p50\":\"8ms\",\"p99\":\"90ms\","
        "\"max\":\"2s\",\"text\":\"our orders database\"}}`. It is checked at start. A "
        "parameter of a profile beside `profile` is a 400: nothing is overridden. A "
        "profile whose figures are above `--max-delay` says so as `unusable`.",
    .formats = 1 << FORMAT_JSON,
    .answers = answers,
    .errors = errors,
    .example = "localhost:8080/profiles",
    .handle = handle,
};

void
profiles_print(struct text *out)
{
    text_string(out, "\n## Profiles\n\n| name | parameters | | source |\n"
                     "|---|---|---|---|\n");
    for (size_t i = 0; i < COUNT(builtin); i++)
        text_format(out, "| `%s` | `%s` | %s | %s |\n", builtin[i].name,
                    builtin[i].parameters, builtin[i].text, builtin[i].source);
}
