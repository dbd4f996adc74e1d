/* GET /tasks: the list of what runs and what is kept; of a group also `wait` and
 * `stream`, which tasks_group.c answers. */
#include "api/app.h"
#include "api/tasks_page.h"

#include <string.h>

enum {
    LIMIT_DEFAULT = 100,
    LIMIT_MOST = 1000,
    FORMATS = 1 << FORMAT_JSON | 1 << FORMAT_NDJSON | 1 << FORMAT_SSE,
};

static const char *const format_words[] = {"json", "ndjson", "sse", NULL};

/* A list, a wait and a stream are three questions. */
static const char *const list_excludes[] = {"wait", "timeout", "return_when", "stream",
                                            NULL};
static const char *const wait_excludes[] = {"timeout", "stream", NULL};
static const char *const stream_excludes[] = {"timeout", "return_when", NULL};
static const char *const needs_group[] = {"group", NULL};

/* clang-format off */
static const struct field fields[] = {
    FIELD(struct tasks_in, state, FIELD_WORDS, .words = record_state_words,
          .excludes = list_excludes, .example = "pending,queued",
          .text = "Only those in one of these states."),
    FIELD(struct tasks_in, group, FIELD_NAME, .example = "g",
          .text = "Only those of this group."),
    FIELD(struct tasks_in, kind, FIELD_WORD, .words = record_kind_words,
          .excludes = list_excludes, .example = "wait_n",
          .text = "Only those of this kind: a task, or a request in flight."),
    FIELD(struct tasks_in, label, FIELD_LABEL, .excludes = list_excludes,
          .example = "checkout", .text = "Only those with this label."),
    FIELD(struct tasks_in, limit, FIELD_INTEGER, .min = 1, .max = LIMIT_MOST,
          .fallback = LIMIT_DEFAULT, .fallback_text = "100", .excludes = list_excludes,
          .example = "10", .text = "At most so many at once."),
    FIELD(struct tasks_in, cursor, FIELD_NAME, .excludes = list_excludes,
          .example = "81234567890.17.0", .text = "Goes on behind a page: its `next`."),
    FIELD(struct tasks_in, wait, FIELD_DURATION, .max_limit = LIMIT_MAX_DELAY,
          .excludes = wait_excludes, .needs = needs_group, .unit = "seconds",
          .example = "30",
          .text = "Waits so long for return_when, then tells what is done "
                  "and what is pending."),
    FIELD(struct tasks_in, timeout, FIELD_DURATION, .max_limit = LIMIT_MAX_DELAY,
          .needs = needs_group, .unit = "seconds", .example = "30",
          .text = "As wait, but a 504 when it is over."),
    FIELD(struct tasks_in, return_when, FIELD_COUNT, .min = 1, .max_limit = LIMIT_MAX_N,
          .words = ends_return_when_words, .fallback_text = "all",
          .needs = needs_group, .example = "first",
          .text = "What it waits for: all have ended, the first has, the first has failed, or "
                  "so many have ended. Without wait it waits without limit."),
    FIELD(struct tasks_in, stream, FIELD_FLAG, .excludes = stream_excludes,
          .needs = needs_group, .fallback_text = "false", .example = "true",
          .text = "Streams each task when it has ended, those that had first."),
    FIELD(struct tasks_in, format, FIELD_WORD, .words = format_words,
          .fallback_text = "json", .example = "sse",
          .text = "Form of the stream; wins over Accept."),
};
/* clang-format on */

/* Only a stream has other forms than JSON. */
static unsigned
offers(const void *raw)
{
    const struct tasks_in *in = raw;

    return in->stream.on ? FORMATS : 1 << FORMAT_JSON;
}

static enum error
check_format(struct exchange *exchange, const struct tasks_in *in,
             struct problem *problem)
{
    if (in->stream.on || exchange_format(exchange) == FORMAT_JSON)
        return OK;
    problem_set(problem, ERROR_INVALID_PARAMETER, "format needs stream=true");
    problem_param(problem, "format", strlen("format"));
    return ERROR_INVALID_PARAMETER;
}

static bool
waits(const struct tasks_in *in)
{
    return in->wait.given || in->timeout.given || in->return_when.given;
}

static enum error
handle(struct exchange *exchange, const void *raw, struct problem *problem)
{
    const struct tasks_in *in = raw;
    enum error error = check_format(exchange, in, problem);

    if (error)
        return error;
    if (in->stream.on)
        return tasks_group_stream(exchange, in, problem);
    if (waits(in))
        return tasks_group_wait(exchange, in, problem);
    return tasks_page_begin(exchange, in, problem);
}

/* A group waits and streams where it is at home; a list is of all workers. */
static const char *
home(const char *id, const void *raw)
{
    const struct tasks_in *in = raw;

    (void)id;
    return waits(in) || in->stream.on ? in->group.bytes : NULL;
}

static const struct answer answers[] = {
    {200, FORMAT_JSON, "The list, oldest first; total counts all that match.",
     "{\"tasks\":[…],\"total\":2,\"next\":null}"},
    {200, FORMAT_JSON,
     "With wait or return_when: done by completion, pending by creation.",
     "{\"done\":[…],\"pending\":[…],\"timed_out\":false}"},
    {200, FORMAT_JSON, "With stream: each Task as it ends.",
     "{\"group\":\"g\",\"tasks\":[\n…\n,…\n],\"done\":2,\"failed\":0,\"cancelled\":0}"},
    {200, FORMAT_NDJSON, "With stream: a Task a line, then the counts.", NULL},
    {200, FORMAT_SSE, "With stream: event: task for each, then event: summary.", NULL},
    {0},
};

static const enum error errors[] = {ERROR_NOT_FOUND, ERROR_TIMEOUT, OK};

const struct route route_tasks_list = {
    .methods = METHOD_GET,
    .path = "/tasks",
    .text = "Lists tasks and requests in flight, or waits for a group, or streams it.",
    .more =
        "The list is `asyncio.all_tasks()`, with wait or return_when it is "
        "`asyncio.wait()` and cancels nobody, with stream `asyncio.as_completed()`.",
    .in = SHAPE(struct tasks_in, fields),
    .formats = FORMATS,
    .answers = answers,
    .errors = errors,
    .example = "'localhost:8080/tasks?state=pending'",
    .offers = offers,
    .home = home,
    .handle = handle,
};
