/* fuzz_ids.c: the other small grammars: names, labels, request targets, times; and
 * strings as they are printed. */
#include "fuzz.h"

#include "async/peers.h"
#include "base/rfc3339.h"
#include "base/utf8.h"
#include "http/target.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

static const struct field name_field = {
    .name = "name", .kind = FIELD_NAME, .example = "n", .text = "A name."};
static const struct field label_field = {
    .name = "label", .kind = FIELD_LABEL, .example = "l", .text = "A label."};

static void
check_name(const char *bytes, size_t size)
{
    struct value_name name = {0};
    struct problem problem = {0};
    enum error error =
        field_set_text(&name_field, fuzz_limits, bytes, size, &name, &problem);

    assert((error == OK)
           == fuzz_matches("[A-Za-z0-9][A-Za-z0-9._-]{0,63}", bytes, size));
    if (error)
        fuzz_check_problem(&problem, error);
    else
        assert(strlen(name.bytes) == size && memcmp(name.bytes, bytes, size) == 0);
}

static void
check_home(const char *bytes)
{
    struct peers *peers = peers_new(5);

    assert(peers != NULL);
    size_t home = peers_home(peers, bytes);
    assert(home < peers->count && home == peers_home(peers, bytes));
    peers_free(peers);
}

static bool
has_control(const char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if ((unsigned char)bytes[i] < 0x20 || bytes[i] == 0x7f)
            return true;
    return false;
}

static void
check_label(const char *bytes, size_t size)
{
    struct value_label label = {0};
    struct problem problem = {0};
    enum error error =
        field_set_text(&label_field, fuzz_limits, bytes, size, &label, &problem);
    bool valid = size > 0 && size <= LABEL_MAX_BYTES && utf8_valid(bytes, size)
                 && !has_control(bytes, size);

    assert((error == OK) == valid);
    if (error)
        fuzz_check_problem(&problem, error);
}

/* Any bytes become a JSON string; and jansson has the same idea of UTF-8 as we do. */
static void
check_string(const char *bytes, size_t size)
{
    TEXT_AUTO text = {0};
    TEXT_AUTO raw = {0};
    struct json_writer json = json_writer(&text);

    json_write_bytes(&json, bytes, size);
    assert(fuzz_is_json(text_terminated(&text), text.size));
    if (has_control(bytes, size) || memchr(bytes, '"', size)
        || memchr(bytes, '\\', size))
        return;
    text_format(&raw, "\"%s\"", bytes);
    assert(fuzz_is_json(text_terminated(&raw), raw.size) == utf8_valid(bytes, size));
}

/* ---- request targets ---------------------------------------------------------------
 */

static void
encode(const char *bytes, size_t size, char end, struct text *out)
{
    for (size_t i = 0; i < size; i++)
        text_format(out, "%%%02X", (unsigned char)bytes[i]);
    text_append(out, &end, 1);
}

/* All pairs, encoded again; false: it was refused. */
static bool
read_pairs(struct target *target, struct text *out)
{
    struct problem problem = {0};

    for (;;) {
        struct target_pair pair;
        bool last;
        enum error error = target_next(target, &pair, &last, &problem);

        if (error)
            fuzz_check_problem(&problem, error);
        if (error || last)
            return !error;
        assert(pair.name[pair.name_size] == '\0');
        assert(pair.value[pair.value_size] == '\0');
        assert(strlen(pair.name) == pair.name_size);
        assert(strlen(pair.value) == pair.value_size);
        encode(pair.name, pair.name_size, '=', out);
        encode(pair.value, pair.value_size, '&', out);
    }
}

static void
check_target(const char *bytes)
{
    char *copy = strdup(bytes);
    struct target target;
    struct problem problem = {0};
    TEXT_AUTO pairs = {0};
    TEXT_AUTO again = {0};

    assert(copy != NULL);
    enum error error = target_split(copy, &target, &problem);
    if (error) {
        fuzz_check_problem(&problem, error);
    } else {
        assert(target.path[0] == '/' || target.path[0] == '*');
        assert(!has_control(target.path, target.path_size));
        assert(memchr(target.path, '?', target.path_size) == NULL);
        if (read_pairs(&target, &pairs) && pairs.size > 0) {
            struct text query = {0};

            text_append(&query, pairs.bytes, pairs.size);
            text_terminated(&query);
            target.query = query.bytes;
            target.query_size = query.size;
            assert(read_pairs(&target, &again));
            assert(again.size == pairs.size
                   && memcmp(again.bytes, pairs.bytes, pairs.size) == 0);
            text_free(&query);
        }
    }
    free(copy);
}

/* ---- times -------------------------------------------------------------------------
 */

static void
check_time(const char *bytes, size_t size)
{
    char printed[RFC3339_SIZE];
    int64_t wall_ns = -1, again;

    if (!rfc3339_parse(bytes, size, &wall_ns)) {
        assert(wall_ns == -1);
        return;
    }
    assert(wall_ns >= 0);
    if (wall_ns < INT64_MAX) {
        rfc3339_print(wall_ns, printed);
        assert(rfc3339_parse(printed, strlen(printed), &again));
        assert(again == wall_ns - wall_ns % NS_PER_MS);
    }
    struct tm parts = {0};
    const char *end = strptime(bytes, "%Y-%m-%dT%H:%M:%SZ", &parts);
    if (!end || *end != '\0' || size != strlen("2026-01-02T03:04:05Z"))
        return;
    bool leaps = parts.tm_sec == 60;
    time_t seconds = timegm(&parts);
    if (seconds < 0 || parts.tm_year >= 2262 - 1900) {
        assert(wall_ns == (seconds < 0 ? 0 : INT64_MAX));
        return;
    }
    assert(leaps || memcmp(printed, bytes, size - 1) == 0);
    assert(seconds == wall_ns / NS_PER_SECOND);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *bytes = fuzz_copy(data, size);

    check_name(bytes, size);
    check_home(bytes);
    check_label(bytes, size);
    check_string(bytes, size);
    check_target(bytes);
    check_time(bytes, size);
    free(bytes);
    return 0;
}
