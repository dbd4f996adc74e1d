#include "base/field.h"

#include "base/number.h"

static void
write_words(const struct field *field, uint32_t set, struct json_writer *json)
{
    json_begin_array(json);
    for (unsigned i = 0; field->words[i]; i++)
        if (set & 1u << i)
            json_write_string(json, field->words[i]);
    json_end_array(json);
}

static void
write_integers(const struct value_integers *value, struct json_writer *json)
{
    json_begin_array(json);
    for (size_t i = 0; i < value->size; i++)
        json_write_integer(json, value->at[i]);
    json_end_array(json);
}

static void
write_choices(const struct value_choices *value, struct json_writer *json)
{
    char seconds[NUMBER_TEXT_MAX], weight[NUMBER_TEXT_MAX];

    json_begin_array(json);
    for (size_t i = 0; i < value->size; i++) {
        TEXT_AUTO choice = {0};

        number_print(value->at[i].seconds, seconds);
        number_print(value->at[i].weight, weight);
        text_format(&choice, "%s:%s", seconds, weight);
        json_write_string(json, text_terminated(&choice));
    }
    json_end_array(json);
}

static void
write_count(const struct field *field, const struct value_count *value,
            struct json_writer *json)
{
    if (value->word >= 0)
        json_write_string(json, field->words[value->word]);
    else
        json_write_integer(json, value->count);
}

void
field_write(const struct field *field, const void *in, struct json_writer *json)
{
    const void *member = (const char *)in + field->offset;

    switch (field->kind) {
    case FIELD_DURATION:
        json_write_double(json, ((const struct value_duration *)member)->seconds);
        break;
    case FIELD_NUMBER:
        json_write_double(json, ((const struct value_number *)member)->value);
        break;
    case FIELD_SEED:
        if (!field_given(field, in)) {
            json_write_null(json);
            break;
        } /* fall through */
    case FIELD_INTEGER:
    case FIELD_SIZE:
        json_write_integer(json, ((const struct value_integer *)member)->value);
        break;
    case FIELD_FLAG:
        json_write_flag(json, ((const struct value_flag *)member)->on);
        break;
    case FIELD_WORD:
        json_write_string(json,
                          field->words[((const struct value_word *)member)->index]);
        break;
    case FIELD_WORDS:
        write_words(field, ((const struct value_words *)member)->set, json);
        break;
    case FIELD_COUNT: write_count(field, member, json); break;
    case FIELD_INTEGERS: write_integers(member, json); break;
    case FIELD_CHOICES: write_choices(member, json); break;
    case FIELD_NAME:
        json_write_string(json, ((const struct value_name *)member)->bytes);
        break;
    case FIELD_LABEL:
        json_write_string(json, ((const struct value_label *)member)->bytes);
        break;
    case FIELD_TIME:
        json_write_integer(json, ((const struct value_time *)member)->wall_ns);
        break;
    case FIELD_TEXT:
        json_write_string(json, ((const struct value_text *)member)->bytes);
        break;
    }
}
