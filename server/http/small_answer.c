/*
 * small_answer.c: answers of a few bytes, in responses of libmicrohttpd that are used
 * again: to make one with its headers, and to free it, costs more than a wait of 0
 * itself (ADR 7). A response keeps the size of its body, so there is one for each size;
 * the bytes stand here, and are others in each answer.
 */
#include "base/http_date.h"
#include "http/http_private.h"

#include <stdlib.h>
#include <string.h>

struct small_answer {
    struct MHD_Response *response;
    size_t size;
    enum format format;
    time_t made_at;                  /* its Date */
    char timing[SERVER_TIMING_SIZE]; /* "": it has no such header */
    char body[SMALL_ANSWER_MAX];
};

static void
small_answer_free(struct small_answer *answer)
{
    if (answer == NULL)
        return;
    if (answer->response)
        MHD_destroy_response(answer->response);
    free(answer);
}

static bool
add_date(struct MHD_Response *response, time_t at)
{
    char date[HTTP_DATE_SIZE];

    http_date_print(at, date);
    return reply_add_header(response, MHD_HTTP_HEADER_DATE, date);
}

/* NULL: out of memory. */
static struct small_answer *
small_answer_new(enum format format, size_t size, time_t at)
{
    struct small_answer *answer = calloc(1, sizeof *answer);

    if (answer == NULL)
        return NULL;
    answer->size = size;
    answer->format = format;
    answer->made_at = at;
    answer->response =
        MHD_create_response_from_buffer(size, answer->body, MHD_RESPMEM_PERSISTENT);
    if (answer->response && add_date(answer->response, at)
        && reply_add_header(answer->response, MHD_HTTP_HEADER_CONTENT_TYPE,
                            format_info(format)->content_type)
        && reply_add_header(answer->response, MHD_HTTP_HEADER_CACHE_CONTROL,
                            CACHE_CONTROL))
        return answer;
    small_answer_free(answer);
    return NULL;
}

static bool
set_timing(struct small_answer *answer, const char *timing)
{
    if (strcmp(answer->timing, timing) == 0)
        return true;
    if (answer->timing[0])
        MHD_del_response_header(answer->response, SERVER_TIMING, answer->timing);
    memcpy(answer->timing, timing, strlen(timing) + 1);
    return reply_add_header(answer->response, SERVER_TIMING, timing);
}

static struct small_answer **
place(struct server *server, size_t size)
{
    return &server->small_answers[size - 1];
}

struct small_answer *
small_answer_take(struct server *server, enum format format, const char *timing,
                  const struct text *body)
{
    struct small_answer **kept = place(server, body->size);
    struct small_answer *answer = *kept;
    time_t now = time(NULL);

    *kept = NULL;
    if (answer == NULL || answer->format != format || answer->made_at != now) {
        small_answer_free(answer);
        answer = small_answer_new(format, body->size, now);
    }
    if (answer == NULL || !set_timing(answer, timing)) {
        small_answer_free(answer);
        return NULL;
    }
    memcpy(answer->body, body->bytes, body->size);
    return answer;
}

void
small_answer_give(struct server *server, struct small_answer *answer)
{
    struct small_answer **kept = place(server, answer->size);

    if (*kept == NULL)
        *kept = answer;
    else
        small_answer_free(answer);
}

struct MHD_Response *
small_answer_response(struct small_answer *answer)
{
    return answer->response;
}

void
small_answers_free(struct server *server)
{
    for (size_t i = 0; i < COUNT(server->small_answers); i++)
        small_answer_free(server->small_answers[i]);
}
