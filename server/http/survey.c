#include "http/survey.h"

#include "http/away.h"

#include "async/memory.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static const int64_t SLICES_NS = 20 * NS_PER_US; /* of one turn */

/* What goes to a worker with the question, stands there in a line, and comes back with
 * its portion. */
struct ballot {
    struct letter letter;
    const struct survey_class *class;
    struct server *taker; /* in whose line it stands; NULL: in none */
    TAILQ_ENTRY(ballot) in_line;
    uint64_t name; /* of the survey */
    size_t asker, worker;
    void *portion; /* in `bytes`, behind the question */
    _Alignas(max_align_t) char bytes[];
};

struct survey {
    struct away away;
    const struct survey_class *class;
    size_t count, missing;
    size_t weight; /* bytes that are counted for it */
    struct peers *peers;
    struct ballot *ballots[]; /* that are here; NULL: on their way */
};

static void
join_line(struct ballot *ballot, struct server *server)
{
    ballot->taker = server;
    TAILQ_INSERT_TAIL(&server->ballots, ballot, in_line);
}

static void
leave_line(struct ballot *ballot)
{
    if (ballot->taker)
        TAILQ_REMOVE(&ballot->taker->ballots, ballot, in_line);
    ballot->taker = NULL;
}

static void
free_ballot(struct ballot *ballot)
{
    if (ballot == NULL)
        return;
    leave_line(ballot);
    if (ballot->class->free)
        ballot->class->free(ballot->portion);
    free(ballot);
}

/* One that is let go is taken in its turn, and finds no survey when it comes back. */
static bool
is_let_go(const struct ballot *ballot)
{
    return ballot && ballot->taker && ballot->class->changes;
}

static void
free_survey(struct survey *survey)
{
    for (size_t i = 0; i < survey->count; i++)
        if (!is_let_go(survey->ballots[i]))
            free_ballot(survey->ballots[i]);
    memory_give(survey->peers, survey->weight);
    free(survey);
}

static void
on_end(struct away *away)
{
    away_close(away);
    free_survey(CONTAINER_OF(away, struct survey, away));
}

static void
answer(struct survey *survey)
{
    struct exchange *exchange = survey->away.exchange;
    void *portions[PEERS_MOST];

    for (size_t i = 0; i < survey->count; i++) {
        assert(survey->ballots[i]);
        portions[i] = survey->ballots[i]->portion;
    }
    away_close(&survey->away);
    survey->class->reply(exchange, survey->ballots[0]->bytes, portions, survey->count);
    free_survey(survey);
}

/* The asker's thread. */
static void
on_return(struct letter *letter, void *reader)
{
    struct ballot *ballot = CONTAINER_OF(letter, struct ballot, letter);
    struct registry *registry = reader;
    struct away *away = away_find(registry->front, ballot->name);
    if (away == NULL) {
        free_ballot(ballot);
        return;
    }
    struct survey *survey = CONTAINER_OF(away, struct survey, away);
    survey->ballots[ballot->worker] = ballot;
    if (--survey->missing == 0)
        answer(survey);
}

/* The thread of the worker that is asked. */
static void
on_question(struct letter *letter, void *reader)
{
    struct registry *registry = reader;

    join_line(CONTAINER_OF(letter, struct ballot, letter), registry->front);
}

static void
take_slice(struct server *server, struct ballot *ballot)
{
    struct registry *registry = server->registry;

    if (!ballot->class->take(server, ballot->bytes, ballot->portion))
        return;
    leave_line(ballot);
    if (ballot->asker == registry->worker)
        on_return(&ballot->letter, registry);
    else {
        ballot->letter.deliver = on_return;
        peers_post(registry->peers, ballot->asker, &ballot->letter);
    }
}

bool
surveys_run(struct server *server)
{
    if (TAILQ_EMPTY(&server->ballots))
        return false;
    int64_t until_ns = clock_now(&clock_system) + SLICES_NS;

    do
        take_slice(server, TAILQ_FIRST(&server->ballots));
    while (!TAILQ_EMPTY(&server->ballots) && clock_now(&clock_system) < until_ns);
    return true;
}

void
surveys_drop(struct server *server)
{
    while (!TAILQ_EMPTY(&server->ballots))
        free_ballot(TAILQ_FIRST(&server->ballots));
}

static struct ballot *
make_ballot(const struct survey *survey, size_t asker, size_t worker,
            const void *question, size_t size)
{
    size_t aligned = (size + sizeof(max_align_t) - 1) & ~(sizeof(max_align_t) - 1);
    struct ballot *ballot = calloc(1, sizeof *ballot + aligned + survey->class->size);

    if (ballot == NULL)
        return NULL;
    ballot->letter.deliver = on_question;
    ballot->class = survey->class;
    ballot->name = survey->away.name;
    ballot->asker = asker;
    ballot->worker = worker;
    ballot->portion = ballot->bytes + aligned;
    if (size)
        memcpy(ballot->bytes, question, size);
    return ballot;
}

static struct survey *
make_survey(struct exchange *exchange, const struct survey_class *class, size_t weight)
{
    struct peers *peers = exchange->server->registry->peers;
    size_t count = peers->count;
    struct survey *survey = calloc(1, sizeof *survey + count * sizeof(struct ballot *));

    if (survey == NULL)
        return NULL;
    survey->class = class;
    survey->count = survey->missing = count;
    survey->away.end = on_end;
    if (away_open(exchange, &survey->away)) {
        free(survey);
        return NULL;
    }
    survey->peers = peers;
    survey->weight = weight;
    memory_take(peers, weight);
    return survey;
}

static enum error
make_ballots(struct survey *survey, const void *question, size_t size)
{
    size_t asker = survey->away.exchange->server->registry->worker;

    for (size_t i = 0; i < survey->count; i++) {
        survey->ballots[i] = make_ballot(survey, asker, i, question, size);
        if (survey->ballots[i] == NULL)
            return ERROR_OUT_OF_MEMORY;
    }
    return OK;
}

enum error
survey_begin(struct exchange *exchange, const struct survey_class *class,
             const void *question, size_t question_size)
{
    struct registry *registry = exchange->server->registry;
    size_t weight = class->weigh ? class->weigh(exchange, question) : 0;

    if (weight && !memory_fits_at_all(registry->peers, weight))
        return ERROR_TOO_MUCH_MEMORY;
    struct survey *survey = make_survey(exchange, class, weight);
    if (survey == NULL)
        return ERROR_OUT_OF_MEMORY;
    if (make_ballots(survey, question, question_size)) {
        on_end(&survey->away);
        return ERROR_OUT_OF_MEMORY;
    }
    for (size_t i = 0; i < survey->count; i++) {
        struct ballot *ballot = survey->ballots[i];

        if (i == registry->worker) {
            join_line(ballot, exchange->server);
            continue;
        }
        survey->ballots[i] = NULL;
        peers_post(registry->peers, i, &ballot->letter);
    }
    return OK;
}
