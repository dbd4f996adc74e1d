#include "man.h"

#include "config.h"

#include <string.h>

/* '-' as a minus that can be copied. */
static void
print_escaped(const char *string, struct text *out)
{
    for (const char *c = string; *c; c++) {
        if (*c == '-' || *c == '\\')
            text_string(out, "\\");
        text_append(out, c, 1);
    }
}

static void
print_flag(const char *name, const char *text, const char *fallback, struct text *out)
{
    text_string(out, ".TP\n\\fB");
    print_escaped(name, out);
    text_string(out, "\\fR\n");
    print_escaped(text, out);
    if (fallback) {
        text_string(out, "\nDefault: ");
        print_escaped(fallback, out);
        text_string(out, ".");
    }
    text_string(out, "\n");
}

void
man_print(struct text *out)
{
    char name[CONFIG_FLAG_SIZE];

    text_string(
        out,
        ".TH WAITD 8 \"\" \"waitd " WAITD_VERSION "\"\n.SH NAME\nwaitd \\- answers "
        "HTTP requests late, on purpose\n.SH SYNOPSIS\n.B waitd\n[\\fIflag\\fR "
        "[\\fIvalue\\fR]]...\n.SH DESCRIPTION\nAn HTTP service that waits: it "
        "answers exactly when it said it would, never before. See docs/api.md.\n"
        ".SH OPTIONS\nEach flag is also a variable: \\-\\-log\\-format is "
        "WAITD_LOG_FORMAT. The flag wins.\n");
    for (size_t i = 0; i < config_shape.count; i++) {
        const struct field *field = &config_shape.fields[i];

        config_flag_name(field, name);
        print_flag(name, field->text, field->fallback_text, out);
    }
    for (const struct action_info *info = config_actions; info->flag; info++)
        print_flag(info->flag, info->text, NULL, out);
    text_string(
        out,
        ".SH SIGNALS\nSIGTERM and SIGINT drain: nothing new is accepted, what ends "
        "within \\-\\-drain is answered, the rest is told 503, and who does not read "
        "that within 2 s is dropped. A second one ends the process at once. SIGHUP "
        "reads \\-\\-token\\-file again, where it is given; a file that is wrong "
        "changes nothing, and the log says so.\n.SH EXIT STATUS\n0 after a signal, 1 "
        "where it cannot start, 2 on a wrong flag or variable, 70 when a library has "
        "failed, 128 + the signal after a second one.\n");
}
