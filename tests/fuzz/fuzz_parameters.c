/*
 * fuzz_parameters.c: a request target, whose query is parsed by the tables of its path
 * (each method that has one), and by that of the flags: as a command line, too.
 */
#include "fuzz.h"

#include "api/app.h"
#include "base/utf8.h"
#include "config.h"
#include "http/target.h"

#include <stdlib.h>
#include <string.h>

enum { VALUES_MAX = 4096, ARGUMENTS_MAX = 16 };

static void
check_parameter(const struct problem *problem, enum error error, const char *name)
{
    fuzz_check_problem(problem, error);
    assert(problem->param[0] != '\0' || name[0] == '\0');
}

static enum error
set_pair(const struct shape *shape, const struct target_pair *pair, void *in,
         struct problem *problem)
{
    const struct field *field = shape_find(shape, pair->name, pair->name_size);

    if (field == NULL)
        return shape_unknown(shape, "GET /x", pair->name, pair->name_size, problem);
    return field_set_text(field, fuzz_limits, pair->value, pair->value_size, in,
                          problem);
}

/* What was refused leaves the struct as it was. */
static void
check_pair(const struct shape *shape, const struct target_pair *pair, void *in)
{
    struct problem problem = {0};
    char before[VALUES_MAX];

    memcpy(before, in, shape->size);
    enum error error = set_pair(shape, pair, in, &problem);
    if (error) {
        check_parameter(&problem, error, pair->name);
        assert(memcmp(before, in, shape->size) == 0);
        return;
    }
    error = set_pair(shape, pair, in, &problem);
    assert(error == (pair->value_size ? ERROR_DUPLICATE_PARAMETER : error) && error);
    check_parameter(&problem, error, pair->name);
}

static void
check_shape(const struct shape *shape, const char *target_text)
{
    _Alignas(max_align_t) char in[VALUES_MAX];
    char *copy = strdup(target_text);
    struct problem problem = {0};
    struct target target;
    struct target_pair pair;
    bool last = false;

    assert(copy != NULL && shape->size <= sizeof in);
    shape_defaults(shape, fuzz_limits, in);
    if (target_split(copy, &target, &problem) == OK)
        while (target_next(&target, &pair, &last, &problem) == OK && !last)
            check_pair(shape, &pair, in);
    enum error error = shape_check(shape, in, &problem);
    if (error)
        check_parameter(&problem, error, "any");
    fuzz_check_values(shape, in);
    free(copy);
}

static void
check_routes(const char *target_text)
{
    const char *path = target_text;
    size_t size = strcspn(path, "?");

    for (unsigned method = METHOD_GET; method <= METHOD_HEAD; method <<= 1) {
        struct route_found found = route_find(api_routes, method, path, size);

        assert(found.route == NULL || (found.methods & found.route->methods));
        if (found.route)
            check_shape(&found.route->in, target_text);
        if (found.id)
            assert(found.id >= path && found.id + found.id_size <= path + size);
    }
}

/* --a=b --c=d … of ?a=b&c=d */
static void
check_command_line(const char *target_text)
{
    char *copy = strdup(target_text), *save = NULL;
    char *arguments[ARGUMENTS_MAX + 2] = {"waitd"};
    const char *query = strchr(target_text, '?');
    struct config config;
    enum action action;
    int count = 1;
    TEXT_AUTO why = {0};

    assert(copy != NULL);
    if (query)
        for (char *one = strtok_r(copy + (query + 1 - target_text), "&", &save);
             one && count <= ARGUMENTS_MAX; one = strtok_r(NULL, "&", &save))
            arguments[count++] = one;
    if (!config_read(count, arguments, &config, &action, &why)) {
        const char *told = text_terminated(&why);

        assert(why.size > 0);
        assert(utf8_valid(told, why.size) && strchr(told, '\n') == NULL);
    } else {
        fuzz_check_values(&config_shape, &config);
    }
    free(copy);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = fuzz_copy(data, size);

    check_routes(text);
    check_shape(&config_shape, text);
    check_command_line(text);
    free(text);
    return 0;
}
