/*
 * guard.c: refuses what another HTTP parser may read differently, before any handler:
 * libmicrohttpd 0.9.75 takes Content-Length beside Transfer-Encoding, two of either, a
 * blank before the colon, and any version and Expect. The rules are those of RFC 9112
 * §3.2, §5.1, §6.1, §6.3 and RFC 9110 §4.2.1, §5.5, §10.1.1.
 */
#include "http/http_private.h"
#include "http/target.h"
#include "http/token.h"

#include <string.h>

enum { CRLF_SIZE = 2 };

struct guard {
    const char *wrong; /* NULL: nothing so far */
    const char *end;   /* of what is checked, in libmicrohttpd's buffer */
    unsigned hosts, lengths, encodings;
    size_t fields, cookies;
    bool has_body, chunked, closes, expects, expects_other, from_page;
};

static bool
is_token(const char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (!is_token_byte((unsigned char)bytes[i]))
            return false;
    return size > 0;
}

static bool
has_control(const char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        unsigned char c = (unsigned char)bytes[i];

        if ((c < ' ' && c != '\t') || c == 0x7f)
            return true;
    }
    return false;
}

static bool
is_digits(const char *value)
{
    return *value != '\0' && value[strspn(value, "0123456789")] == '\0';
}

/* Of a name, or of an address with its zone: RFC 3986 §3.2.2, but a comma, which joins
 * two. */
static bool
is_host_byte(unsigned char byte)
{
    static const bool host_bytes[256] = {
        ['0' ... '9'] = true, ['A' ... 'Z'] = true, ['a' ... 'z'] = true, ['-'] = true,
        ['.'] = true,         ['_'] = true,         ['~'] = true,         ['%'] = true,
        ['!'] = true,         ['$'] = true,         ['&' ... '+'] = true, [';'] = true,
        ['='] = true,
    };

    return host_bytes[byte];
}

/* Up to the bracket behind an address of IPv6, which has a colon; 0: it is none. */
static size_t
bracketed_size(const char *bytes, size_t size)
{
    bool colon = false;
    size_t at = 1;

    for (; at < size && (is_host_byte((unsigned char)bytes[at]) || bytes[at] == ':');
         at++)
        colon |= bytes[at] == ':';
    return colon && at < size && bytes[at] == ']' ? at + 1 : 0;
}

/* The size of the host that it begins with; 0: of none. */
static size_t
host_size(const char *bytes, size_t size)
{
    size_t at = 0;

    if (size > 0 && bytes[0] == '[')
        return bracketed_size(bytes, size);
    while (at < size && is_host_byte((unsigned char)bytes[at]))
        at++;
    return at;
}

/* A host, which is not empty (RFC 9110 §4.2.1), and perhaps its port. */
static bool
is_authority(const char *bytes, size_t size)
{
    size_t at = host_size(bytes, size);

    if (at == 0 || (at < size && bytes[at++] != ':'))
        return false;
    while (at < size && bytes[at] >= '0' && bytes[at] <= '9')
        at++;
    return at == size;
}

/* Mostly told by the size alone. */
static inline bool
is_name(const char *name, size_t size, const char *known)
{
    return size == strlen(known) && strcasecmp(name, known) == 0;
}

/* Of a list, in any case. */
static bool
has_token(const char *list, const char *token)
{
    size_t size = strlen(token);

    for (list += strspn(list, ", \t"); *list != '\0'; list += strspn(list, ", \t")) {
        size_t here = strcspn(list, ", \t");

        if (here == size && strncasecmp(list, token, size) == 0)
            return true;
        list += here;
    }
    return false;
}

/* 0.9.75 leaves blanks behind a value, which are not part of it (RFC 9112 §5.1): they
 * are cut off in its buffer, for whoever reads the value later. */
static void
cut_blanks(const char *value, size_t size)
{
    char *end = (char *)(uintptr_t)value + size;

    while (end > value && (end[-1] == ' ' || end[-1] == '\t'))
        *--end = '\0';
}

/* The value is without blanks, of which came_size still knows. */
static void
check_known(struct guard *guard, const char *name, size_t size, const char *value,
            size_t came_size)
{
    if (is_name(name, size, "Host")) {
        guard->hosts++;
        if (*value != '\0' && !is_authority(value, strlen(value)))
            guard->wrong = "Host is neither empty nor a host and its port";
    }
    if (is_name(name, size, "Content-Length")) {
        guard->lengths++;
        if (!is_digits(value))
            guard->wrong = "Content-Length is not a number";
        guard->has_body = value[strspn(value, "0")] != '\0';
    }
    if (is_name(name, size, "Transfer-Encoding")) {
        guard->encodings++;
        /* 0.9.75 has read it, and with a blank behind it for none that it knows. */
        guard->has_body = guard->chunked = is_name(value, came_size, "chunked");
    }
    /* 0.9.75 does not find it behind "cl, ". */
    if (is_name(name, size, "Connection") && has_token(value, "close"))
        guard->closes = true;
    if (is_name(name, size, "Origin") || is_name(name, size, "Sec-Fetch-Site"))
        guard->from_page = true;
    if (is_name(name, size, "Cookie"))
        guard->cookies += strlen(value);
    if (is_name(name, size, "Expect")) {
        guard->expects = true;
        guard->expects_other |= strcasecmp(value, "100-continue") != 0;
    }
}

static bool
is_target(const char *target)
{
    while ((unsigned char)*target > ' ' && *target != 0x7f)
        target++;
    return *target == '\0';
}

/* Where it is absolute, it says whom it asks (RFC 9112 §3.2.2). */
static bool
names_a_host(const char *target)
{
    size_t size;
    const char *authority = target_authority(target, &size);

    return authority == NULL || is_authority(authority, size);
}

/* A blank more, or a NUL, and it would be longer: libmicrohttpd skips the one and cuts
 * the target at the other. */
static bool
is_request_line(const char *method, const char *target, const char *version)
{
    return MHD_CHECKS_LINES
           || version == method + strlen(method) + 1 + strlen(target) + 1;
}

/*
 * 0.9.75 takes a bare CR or LF for the end of a line, and a line that begins with ':'
 * or NUL for the end of the head: what follows would be another request. It cuts a
 * value at a NUL, and loses track of a folded one. All of this shows, because its
 * strings lie where they were read: from one to the next there must be a CRLF and
 * nothing else.
 */
static const char wrong_line[] =
    "a line of the head does not end in CRLF, is folded, or holds a NUL";

static const char *
check_end(const struct guard *guard, const char *body)
{
    return MHD_CHECKS_LINES || body == guard->end + CRLF_SIZE + CRLF_SIZE ? NULL
                                                                          : wrong_line;
}

static enum MHD_Result
on_header(void *context, enum MHD_ValueKind kind, const char *name, size_t name_size,
          const char *value, size_t value_size)
{
    struct guard *guard = context;

    (void)kind;
    if (!MHD_CHECKS_LINES && name != guard->end + CRLF_SIZE)
        guard->wrong = wrong_line;
    else if (!is_token(name, name_size))
        guard->wrong = "a header's name is not a token";
    else if (value_size && has_control(value, value_size))
        guard->wrong = "a header's value holds a control character";
    else {
        cut_blanks(value, value_size);
        check_known(guard, name, name_size, value ? value : "", value_size);
    }
    guard->fields++;
    guard->end = value + value_size;
    return guard->wrong ? MHD_NO : MHD_YES;
}

static const char *
check_framing(const struct guard *guard, bool http_1_0)
{
    if (guard->wrong)
        return guard->wrong;
    if (guard->hosts > 1)
        return "more than one Host";
    if (guard->hosts == 0 && !http_1_0)
        return "no Host";
    if (guard->lengths > 1)
        return "more than one Content-Length";
    if (guard->encodings > 1)
        return "more than one Transfer-Encoding";
    if (guard->encodings && guard->lengths)
        return "both Transfer-Encoding and Content-Length";
    if (guard->encodings && (!guard->chunked || http_1_0))
        return "a Transfer-Encoding other than chunked, with a blank behind it, or on "
               "HTTP/1.0";
    if (guard->expects_other)
        return "an Expect other than 100-continue";
    /* 0.9.75 would take what is behind for its body, and end without an answer; not on
     * HTTP/1.0, where it sends no 100 and RFC 9110 §10.1.1 wants it ignored. */
    if (guard->expects && !guard->has_body && !http_1_0)
        return "an Expect without a body";
    return NULL;
}

enum error
guard_check(const struct exchange *exchange, const char *method, const char *version,
            struct head_end *end, struct problem *problem)
{
    const char *target = exchange->target;
    const union MHD_ConnectionInfo *head = MHD_get_connection_info(
        connection_mhd(exchange->connection), MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
    const char *body = method + head->header_size;
    bool http_1_0 = strcmp(version, "HTTP/1.0") == 0;
    struct guard guard = {.end = version + strlen(version)};
    const char *wrong;

    if (!http_1_0 && strcmp(version, "HTTP/1.1") != 0)
        wrong = "the version is neither HTTP/1.1 nor HTTP/1.0";
    else if (!is_token(method, strlen(method)))
        wrong = "the method is not a token";
    else if (!is_target(target))
        wrong = "a blank or a control character in the target";
    else if (!names_a_host(target))
        wrong = "the target's authority is not a host and its port";
    else if (!is_request_line(method, target, version))
        wrong = "more than one blank between its parts, or a NUL in the request line";
    else {
        MHD_get_connection_values_n(connection_mhd(exchange->connection),
                                    MHD_HEADER_KIND, on_header, &guard);
        wrong = check_framing(&guard, http_1_0);
        if (wrong == NULL)
            wrong = check_end(&guard, body);
    }
    *end = (struct head_end){
        .body = body,
        .size = head->header_size,
        .fields = guard.fields,
        .cookies = guard.cookies,
        .has_body = guard.has_body,
        .expects = guard.expects,
        .chunked = guard.chunked,
        .closes = guard.closes,
        .from_page = guard.from_page,
    };
    if (wrong == NULL)
        return OK;
    return problem_set(problem, ERROR_BAD_REQUEST, "refused: %s", wrong);
}
