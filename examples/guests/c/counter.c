/* Counts its messages, and knows the number again after a restart. */
#include "airssys.h"

static uint64_t count;
static airssys_error error;

airssys_result airssys_on_initialize(const airssys_config *config) {
    airssys_optional_bytes kept = {0};
    bool known = airssys_storage_get(airssys_str("count"), &kept, &error);
    count = airssys_number(kept.value);
    return airssys_outcome(known, &error);
}

airssys_result airssys_on_message(const airssys_message *message) {
    airssys_bytes parts[] = {airssys_decimal(++count), airssys_text(":"), message->payload};
    bool kept = airssys_storage_set(airssys_str("count"), parts[0].data, parts[0].length, &error);
    if (kept && !airssys_is(message->payload, "ask")) return airssys_ok_joined(parts, 3);
    return airssys_outcome(kept && airssys_request(airssys_named("peer"), "hello", 5, 1000, NULL, &error), &error);
}

airssys_result airssys_on_callback(const airssys_message *answer) {
    return airssys_outcome(airssys_storage_set(airssys_str("answer"), answer->payload.data, answer->payload.length, &error), &error);
}
