/* fuzz_json_body.c: JSON as the parameters of every endpoint that takes a body, as
 * data, and as a file of profiles. */
#include "fuzz.h"

#include "api/app.h"
#include "api/profiles.h"
#include "base/utf8.h"
#include "http/json_body.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { VALUES_MAX = 4096 };

static void
check_shape(const struct shape *shape, const char *bytes, size_t size, bool valid)
{
    _Alignas(max_align_t) char in[VALUES_MAX];
    struct problem problem = {0};

    assert(shape->size <= sizeof in);
    shape_defaults(shape, fuzz_limits, in);
    enum error error =
        json_body_parse(shape, fuzz_limits, "POST /x", bytes, size, in, &problem);
    assert(error || valid);
    if (!error) {
        fuzz_check_values(shape, in);
        error = shape_check(shape, in, &problem);
    }
    if (!error)
        return;
    fuzz_check_problem(&problem, error);
    assert(error != ERROR_INVALID_JSON || problem.param[0] == '\0');
}

static size_t
count_lines(const char *bytes, size_t size)
{
    size_t lines = 1;

    for (size_t i = 0; i < size; i++)
        lines += bytes[i] == '\n';
    return lines;
}

/* "PATH, line N: …" */
static void
check_refusal(const char *why, size_t lines)
{
    const char *line = strstr(why, ", line ");

    assert(utf8_valid(why, strlen(why)));
    if (line == NULL)
        return;
    unsigned long number = strtoul(line + strlen(", line "), NULL, 10);
    assert(number >= 1 && number <= lines + 1);
}

static void
check_profiles(const char *bytes, size_t size)
{
    char path[64];
    struct profiles profiles;
    int fd = memfd_create("profiles", MFD_CLOEXEC);
    TEXT_AUTO why = {0};

    assert(fd >= 0 && write(fd, bytes, size) == (ssize_t)size);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    if (profiles_open(&profiles, fuzz_limits, path, &why))
        profiles_close(&profiles);
    else
        check_refusal(text_terminated(&why), count_lines(bytes, size));
    close(fd);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *bytes = fuzz_copy(data, size);
    struct problem problem = {0};
    enum error error = json_body_check(bytes, size, &problem);

    if (error)
        fuzz_check_problem(&problem, error);
    for (const struct route *const *route = api_routes; *route; route++)
        if (((*route)->methods & METHODS_WITH_BODY) && (*route)->body == BODY_PARAMETERS
            && (*route)->in.count > 0)
            check_shape(&(*route)->in, bytes, size, error == OK);
    check_profiles(bytes, size);
    free(bytes);
    return 0;
}
