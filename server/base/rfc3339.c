#include "base/rfc3339.h"

#include <assert.h>

enum {
    SECONDS_PER_DAY = 86400,
    DAYS_PER_ERA = 146097, /* 400 years */
    DAYS_TO_1970 = 719468, /* from 0000-03-01 */
    DAYS_TO_2262 = 106651, /* from 1970-01-01 */
};

struct date {
    int year, month, day;
};

/* What is left of the text to parse. */
struct cursor {
    const char *at, *end;
};

/* The two conversions are those of Howard Hinnant, "chrono-Compatible Low-Level Date
 * Algorithms": years begin in March, so that the leap day is the last. */
static struct date
date_of_day(int64_t days)
{
    int64_t shifted = days + DAYS_TO_1970;
    int64_t era = shifted / DAYS_PER_ERA;
    int day = (int)(shifted % DAYS_PER_ERA);
    int year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
    int day_of_year = day - (365 * year + year / 4 - year / 100);
    int month = (5 * day_of_year + 2) / 153;

    return (struct date){
        .year = (int)(era * 400) + year + (month >= 10),
        .month = month < 10 ? month + 3 : month - 9,
        .day = day_of_year - (153 * month + 2) / 5 + 1,
    };
}

/* Of a year from 0, for a date of that calendar. */
static int64_t
day_of_date(struct date date)
{
    int year = date.year - (date.month <= 2) + 400; /* an era later: none is negative */
    int month = date.month > 2 ? date.month - 3 : date.month + 9;
    int day_of_year = (153 * month + 2) / 5 + date.day - 1;
    int of_era = year % 400;
    int day = of_era * 365 + of_era / 4 - of_era / 100 + day_of_year;

    return (int64_t)(year / 400 - 1) * DAYS_PER_ERA + day - DAYS_TO_1970;
}

static char *
put(char *out, int64_t value, int width)
{
    for (int i = width - 1; i >= 0; i--) {
        out[i] = (char)('0' + value % 10);
        value /= 10;
    }
    return out + width;
}

static char *
put_with(char *out, int64_t value, int width, char behind)
{
    out = put(out, value, width);
    *out = behind;
    return out + 1;
}

/* Exactly `width` digits, from low to high. */
static bool
take_number(struct cursor *cursor, int width, int low, int high, int *out)
{
    int value = 0;

    if (cursor->end - cursor->at < width)
        return false;
    for (int i = 0; i < width; i++) {
        if (cursor->at[i] < '0' || cursor->at[i] > '9')
            return false;
        value = value * 10 + cursor->at[i] - '0';
    }
    cursor->at += width;
    *out = value;
    return value >= low && value <= high;
}

static bool
take_byte(struct cursor *cursor, char byte)
{
    if (cursor->at == cursor->end || *cursor->at != byte)
        return false;
    cursor->at++;
    return true;
}

static bool
take_letter(struct cursor *cursor, char upper)
{
    return take_byte(cursor, upper) || take_byte(cursor, (char)(upper - 'A' + 'a'));
}

static bool
take_date(struct cursor *cursor, struct date *date)
{
    struct date again;

    if (!take_number(cursor, 4, 0, 9999, &date->year) || !take_byte(cursor, '-')
        || !take_number(cursor, 2, 1, 12, &date->month) || !take_byte(cursor, '-')
        || !take_number(cursor, 2, 1, 31, &date->day))
        return false;
    again = date_of_day(day_of_date(*date) + DAYS_PER_ERA);
    return again.day == date->day; /* 02-30 would come back as 03-02 */
}

/* Hours and minutes as seconds. */
static bool
take_minutes(struct cursor *cursor, int *seconds)
{
    int hour, minute;

    if (!take_number(cursor, 2, 0, 23, &hour) || !take_byte(cursor, ':')
        || !take_number(cursor, 2, 0, 59, &minute))
        return false;
    *seconds = (hour * 60 + minute) * 60;
    return true;
}

static bool
take_fraction(struct cursor *cursor, int64_t *ns)
{
    int64_t unit = NS_PER_SECOND;
    bool more = false; /* than whole ns */
    int digit;

    *ns = 0;
    if (!take_byte(cursor, '.'))
        return true;
    while (take_number(cursor, 1, 0, 9, &digit)) {
        unit /= 10; /* 0 behind the ninth */
        *ns += digit * unit;
        more |= unit == 0 && digit > 0;
    }
    *ns += more;
    return unit < NS_PER_SECOND;
}

static bool
take_offset(struct cursor *cursor, int *seconds)
{
    *seconds = 0;
    if (take_letter(cursor, 'Z'))
        return true;
    if (take_byte(cursor, '+'))
        return take_minutes(cursor, seconds);
    if (!take_byte(cursor, '-') || !take_minutes(cursor, seconds))
        return false;
    *seconds = -*seconds;
    return true;
}

void
rfc3339_print(int64_t wall_ns, char out[RFC3339_SIZE])
{
    int64_t ms = wall_ns / NS_PER_MS;
    int64_t seconds = ms / 1000;
    struct date date = date_of_day(seconds / SECONDS_PER_DAY);

    assert(wall_ns >= 0);
    out = put_with(out, date.year, 4, '-');
    out = put_with(out, date.month, 2, '-');
    out = put_with(out, date.day, 2, 'T');
    out = put_with(out, seconds / 3600 % 24, 2, ':');
    out = put_with(out, seconds / 60 % 60, 2, ':');
    out = put_with(out, seconds % 60, 2, '.');
    out = put_with(out, ms % 1000, 3, 'Z');
    *out = '\0';
}

bool
rfc3339_parse(const char *text, size_t size, int64_t *wall_ns)
{
    struct cursor cursor = {text, text + size};
    struct date date;
    int minutes, second, offset;
    int64_t ns, seconds;

    if (!take_date(&cursor, &date) || !take_letter(&cursor, 'T')
        || !take_minutes(&cursor, &minutes) || !take_byte(&cursor, ':')
        || !take_number(&cursor, 2, 0, 60, &second) || !take_fraction(&cursor, &ns)
        || !take_offset(&cursor, &offset) || cursor.at != cursor.end)
        return false;
    seconds = day_of_date(date) * SECONDS_PER_DAY + minutes + second - offset;
    if (seconds < 0)
        *wall_ns = 0;
    else if (seconds >= (int64_t)DAYS_TO_2262 * SECONDS_PER_DAY)
        *wall_ns = INT64_MAX;
    else
        *wall_ns = seconds * NS_PER_SECOND + ns;
    return true;
}
