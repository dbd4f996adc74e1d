/* dists.c: which distribution needs and takes which parameters, in one table, and what
 * is to be drawn by them. */
#include "api/draw.h"
#include "base/number.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define PARAMETERS(PARAMETER)                                                          \
    PARAMETER(max_delay)                                                               \
    PARAMETER(min_delay)                                                               \
    PARAMETER(delay)                                                                   \
    PARAMETERS_OF_MODELS(PARAMETER)
#define PARAMETERS_OF_MODELS(PARAMETER)                                                \
    PARAMETER(mean)                                                                    \
    PARAMETER(stddev)                                                                  \
    PARAMETER(median)                                                                  \
    PARAMETER(sigma)                                                                   \
    PARAMETER(choice)                                                                  \
    PARAMETER(p50)                                                                     \
    PARAMETER(p95)                                                                     \
    PARAMETER(p99)                                                                     \
    PARAMETER(max)

#define AT(name) AT_##name,
#define BIT(name) BIT_##name = 1u << AT_##name,
#define NAME(name) #name,
#define ROW(name) {#name, offsetof(struct draw_in, name)},

enum { PARAMETERS(AT) PARAMETER_COUNT };
enum { PARAMETERS(BIT) BITS_WINDOW = BIT_max_delay | BIT_min_delay };

static const struct {
    const char *name;
    size_t offset;
} parameters[] = {PARAMETERS(ROW)};

const char *const draw_profile_excludes[] = {"dist", PARAMETERS(NAME) NULL};

struct rule {
    unsigned needs;   /* all of them */
    unsigned one_of;  /* exactly one */
    unsigned some_of; /* at least one */
    unsigned takes;   /* these, too */
    const char *text;
};

static const struct rule rules[DIST_COUNT] = {
    [DIST_UNIFORM] = {.takes = BITS_WINDOW,
                      .text = "`random.uniform(min_delay, max_delay)`, bit for bit"},
    [DIST_FIXED] = {.needs = BIT_delay, .text = "nothing is drawn"},
    [DIST_NORMAL] = {.needs = BIT_mean | BIT_stddev,
                     .takes = BITS_WINDOW,
                     .text = "`random.normalvariate(mean, stddev)`"},
    [DIST_LOGNORMAL] =
        {.needs = BIT_median,
         .one_of = BIT_sigma | BIT_p99,
         .takes = BITS_WINDOW,
         .text = "`random.lognormvariate(log(median), sigma)`; with p99, sigma is "
                 "`log(p99 / median) / 2.3263478740408408`"},
    [DIST_EXPONENTIAL] = {.needs = BIT_mean,
                          .takes = BITS_WINDOW,
                          .text = "`random.expovariate(1 / mean)`"},
    [DIST_CHOICE] = {.needs = BIT_choice,
                     .takes = BITS_WINDOW,
                     .text = "`random.choices(delays, weights)[0]`, bit for bit"},
    [DIST_PERCENTILES] =
        {.needs = BIT_max,
         .some_of = BIT_p50 | BIT_p95 | BIT_p99,
         .takes = BITS_WINDOW,
         .text = "linear between min_delay (at 0), the points that are given, and max "
                 "(at 1): with `u = random.random()` between the probabilities q and r "
                 "at the delays a and b it is `a + (b - a) * ((u - q) / (r - q))`"},
};

const char *const draw_dist_words[] = {"uniform",     "fixed",       "normal",
                                       "lognormal",   "exponential", "choice",
                                       "percentiles", NULL};
_Static_assert(COUNT(draw_dist_words) == DIST_COUNT + 1, "a word for each");

/* ---- do they go together? ----------------------------------------------------------
 */

static bool
is_given(const struct draw_in *in, size_t parameter)
{
    return *(const bool *)((const char *)in + parameters[parameter].offset);
}

/* Whether none was given but the window or the delay, which exclude each other anyway:
 * as a rule. */
static bool
is_plain(const struct draw_in *in)
{
#define OR_GIVEN(name) | in->name.given
    return !(in->dist.given PARAMETERS_OF_MODELS(OR_GIVEN));
#undef OR_GIVEN
}

/* Those of the set that were given. */
static unsigned
given(const struct draw_in *in, unsigned set)
{
    unsigned bits = 0;

    for (size_t i = 0; i < PARAMETER_COUNT; i++)
        if (set & 1u << i && is_given(in, i))
            bits |= 1u << i;
    return bits;
}

static const char *
first_of(unsigned set)
{
    return parameters[__builtin_ctz(set)].name;
}

static unsigned
of(const struct rule *rule)
{
    return rule->needs | rule->one_of | rule->some_of | rule->takes;
}

static void
print_set(unsigned set, const char *between, struct text *out)
{
    const char *before = "";

    for (size_t i = 0; i < PARAMETER_COUNT; i++) {
        if (!(set & 1u << i))
            continue;
        text_format(out, "%s%s", before, parameters[i].name);
        before = between;
    }
}

/* What that distribution, named or meant by `delay` or by nothing, has no use for. */
static enum error
refuse_stranger(const struct draw_in *in, unsigned bit, enum dist dist,
                struct problem *problem)
{
    const char *name = first_of(bit);
    const char *other = in->dist.given ? "dist" : in->delay.given ? "delay" : NULL;
    TEXT_AUTO which = {0};
    const char *between = "";

    for (size_t i = 0; i < DIST_COUNT; i++) {
        if (!(of(&rules[i]) & bit))
            continue;
        text_format(&which, "%sdist=%s", between, draw_dist_words[i]);
        between = " or ";
    }
    if (in->dist.given)
        problem_set(problem, ERROR_INVALID_PARAMETER,
                    "%s does not go with dist=%s: it is for %s", name,
                    draw_dist_words[dist], text_terminated(&which));
    else if (other)
        problem_set(problem, ERROR_INVALID_PARAMETER, "%s and %s exclude each other",
                    name, other);
    else
        problem_set(problem, ERROR_INVALID_PARAMETER, "%s needs %s", name,
                    text_terminated(&which));
    return draw_blame(problem, name, other);
}

static enum error
refuse_missing(enum dist dist, unsigned missing, struct problem *problem)
{
    TEXT_AUTO names = {0};

    print_set(missing, " or ", &names);
    problem_set(problem, ERROR_INVALID_PARAMETER, "dist=%s needs %s",
                draw_dist_words[dist], text_terminated(&names));
    return draw_blame(problem, first_of(missing), NULL);
}

static enum error
check(const struct draw_in *in, enum dist dist, struct problem *problem)
{
    const struct rule *rule = &rules[dist];
    unsigned all = given(in, ~0u);
    unsigned strange = all & ~of(rule), missing = rule->needs & ~all;
    unsigned one = all & rule->one_of;

    if (strange)
        return refuse_stranger(in, strange & -strange, dist, problem);
    if (missing)
        return refuse_missing(dist, missing & -missing, problem);
    if (rule->one_of && !one)
        return refuse_missing(dist, rule->one_of, problem);
    if (rule->some_of && !(all & rule->some_of))
        return refuse_missing(dist, rule->some_of, problem);
    if ((one & (one - 1)) == 0)
        return OK;
    problem_set(problem, ERROR_INVALID_PARAMETER, "%s and %s exclude each other",
                first_of(one), first_of(one & (one - 1)));
    return draw_blame(problem, first_of(one), first_of(one & (one - 1)));
}

/* ---- the models --------------------------------------------------------------------
 */

static enum error
in_order(const char *name, double low, const char *other, double high,
         struct problem *problem)
{
    char shown[NUMBER_TEXT_MAX], limit[NUMBER_TEXT_MAX];

    if (low <= high)
        return OK;
    number_print(low, shown);
    number_print(high, limit);
    problem_set(problem, ERROR_INVALID_PARAMETER, "%s=%s is above %s=%s", name, shown,
                other, limit);
    problem_value(problem, shown, strlen(shown));
    return draw_blame(problem, name, other);
}

static enum error
set_lognormal(const struct draw_in *in, struct draw_room *room, struct problem *problem)
{
    static const double z99 = 2.3263478740408408; /* normal: 0.99 lie below */
    double median = in->median.seconds;

    room->model.centre = median;
    room->model.spread = in->sigma.value;
    if (!in->p99.given)
        return OK;
    room->model.spread = log(in->p99.seconds / median) / z99;
    return in_order("median", median, "p99", in->p99.seconds, problem);
}

static enum error
set_choice(const struct draw_in *in, struct draw_room *room, struct problem *problem)
{
    double sum = 0;

    for (size_t i = 0; i < in->choice.size; i++) {
        sum += in->choice.at[i].weight;
        room->points[i] = (struct model_point){in->choice.at[i].seconds, sum};
    }
    room->model.points = room->points;
    room->model.count = in->choice.size;
    if (sum > 0 && isfinite(sum))
        return OK;
    problem_set(problem, ERROR_INVALID_PARAMETER, "the weights of choice add up to %s",
                sum > 0 ? "more than a double holds" : "0");
    return draw_blame(problem, "choice", NULL);
}

static enum error
set_percentiles(const struct draw_in *in, struct draw_room *room,
                struct problem *problem)
{
    const struct {
        const char *name;
        const struct value_duration *value;
        double until;
    } all[] = {
        {"p50", &in->p50, 0.5},
        {"p95", &in->p95, 0.95},
        {"p99", &in->p99, 0.99},
        {"max", &in->max, 1},
    };
    const char *before = "min_delay";
    size_t count = 1;
    enum error error = OK;

    room->points[0] = (struct model_point){in->min_delay.seconds, 0};
    for (size_t i = 0; i < COUNT(all) && !error; i++) {
        if (!all[i].value->given)
            continue;
        error = in_order(before, room->points[count - 1].seconds, all[i].name,
                         all[i].value->seconds, problem);
        room->points[count++] =
            (struct model_point){all[i].value->seconds, all[i].until};
        before = all[i].name;
    }
    room->model.points = room->points;
    room->model.count = count;
    return error;
}

static enum error
set_model(const struct draw_in *in, struct draw_room *room, struct problem *problem)
{
    struct model *model = &room->model;

    switch (model->dist) {
    case DIST_LOGNORMAL: return set_lognormal(in, room, problem);
    case DIST_CHOICE: return set_choice(in, room, problem);
    case DIST_PERCENTILES: return set_percentiles(in, room, problem);
    default: break;
    }
    model->centre = in->mean.seconds;
    model->spread =
        model->dist == DIST_EXPONENTIAL ? model->centre : in->stddev.seconds;
    return OK;
}

/* All its draws are the same: the mean, or the median. */
static bool
is_point(const struct model *model)
{
    return model->points == NULL && !(model->spread > 0);
}

static double
probability_inside(const struct model *model)
{
    if (is_point(model))
        return model->centre >= model->min && model->centre <= model->max;
    return model_inside(model);
}

static enum error
check_window(const struct draw_in *in, struct model *model, struct problem *problem)
{
    const char *name = in->max_delay.given   ? "max_delay"
                       : in->min_delay.given ? "min_delay"
                                             : NULL;

    model->inside = probability_inside(model);
    if (model->inside >= MODEL_LEAST_INSIDE)
        return OK;
    problem_set(
        problem, ERROR_INVALID_PARAMETER,
        "dist=%s draws between min_delay=%g and max_delay=%g with a probability "
        "of %.3g, below the limit of %g",
        draw_dist_words[model->dist], model->min, model->max, model->inside,
        MODEL_LEAST_INSIDE);
    return name ? draw_blame(problem, name, "dist") : draw_blame(problem, "dist", NULL);
}

static enum error
draw_by_model(const struct draw_in *in, double max, struct draw_room *room,
              struct delay_spec *spec, struct problem *problem)
{
    struct model *model = &room->model;

    *model = (struct model){
        .dist = (enum dist)in->dist.index, .min = in->min_delay.seconds, .max = max};
    enum error error = set_model(in, room, problem);
    if (!error)
        error = check_window(in, model, problem);
    if (error)
        return error;
    if (is_point(model))
        *spec = (struct delay_spec){.min = model->centre, .max = model->centre};
    else
        *spec = (struct delay_spec){.modelled = true, .model = model};
    return OK;
}

enum error
draw_model(const struct draw_in *in, const double *limits, struct draw_room *room,
           struct delay_spec *spec, struct problem *problem)
{
    bool by_delay = in->delay.given && !in->dist.given;
    enum dist dist = by_delay ? DIST_FIXED : (enum dist)in->dist.index;
    enum error error = is_plain(in) ? OK : check(in, dist, problem);
    if (error)
        return error;
    if (dist == DIST_FIXED) {
        *spec = (struct delay_spec){
            .fixed = true, .min = in->delay.seconds, .max = in->delay.seconds};
        return OK;
    }
    double max = dist == DIST_UNIFORM || in->max_delay.given ? in->max_delay.seconds
                                                             : limits[LIMIT_MAX_DELAY];
    error = in_order("min_delay", in->min_delay.seconds, "max_delay", max, problem);
    if (error)
        return error;
    if (dist != DIST_UNIFORM)
        return draw_by_model(in, max, room, spec, problem);
    *spec = (struct delay_spec){.min = in->min_delay.seconds, .max = max};
    return OK;
}

/* ---- the manual --------------------------------------------------------------------
 */

static void
print_cell(unsigned set, const char *between, struct text *out)
{
    TEXT_AUTO names = {0};

    print_set(set, between, &names);
    if (names.size)
        text_format(out, "`%s`", text_terminated(&names));
}

void
draw_print_dists(struct text *out)
{
    text_string(
        out,
        "\n## Distributions\n\nWith a seed the i-th delay is the i-th that CPython "
        "draws after `random.seed(seed)` by what stands beside it; what goes through "
        "log and exp within 1e-12 of it. What another distribution needs or takes is a "
        "400 that names it, and so is what is missing. A draw outside of `min_delay` "
        "and `max_delay` is drawn again; where less than 1 % of all draws would lie "
        "within them, that is a 400. `max_delay` is `--max-delay` where it is not "
        "given, but with uniform. A distribution without spread (`stddev=0`, "
        "`sigma=0`, `mean=0` of exponential) is taken: each delay is the mean or the "
        "median.\n\n| dist | needs | takes | a delay is |\n|---|---|---|---|\n");
    for (size_t i = 0; i < DIST_COUNT; i++) {
        const struct rule *rule = &rules[i];

        text_format(out, "| `%s` | ", draw_dist_words[i]);
        print_cell(rule->needs, "` `", out);
        if (rule->one_of | rule->some_of)
            text_string(out, rule->one_of ? " and one of " : " and some of ");
        print_cell(rule->one_of | rule->some_of, "` `", out);
        text_string(out, " | ");
        print_cell(rule->takes, "` `", out);
        text_format(out, " | %s |\n", rule->text);
    }
}
