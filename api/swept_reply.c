#include "api/swept_reply.h"

void
swept_reply(struct exchange *exchange, struct registry_swept swept)
{
    struct text body = {0};
    struct json_writer json = json_writer(&body);
    struct reply reply = {.status = 200};

    json_begin_object(&json);
    json_member_integer(&json, "cancelled", (int64_t)swept.cancelled);
    json_member_integer(&json, "removed", (int64_t)swept.removed);
    json_end_object(&json);
    text_string(&body, "\n");
    exchange_reply(exchange, &reply, &body);
}
