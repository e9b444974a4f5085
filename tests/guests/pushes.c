/* pushes.c - replies with how it was handed each message, and with the message:
 *
 *   message:PAYLOAD   by handle-message
 *   2/5:PAYLOAD       by handle-batch, the second of five (with -DBATCH)
 *   text:PAYLOAD      by handle-text (with -DTEXT)
 *
 * but: trap (it does), fail (an error), nothing (replies with none), short (one result is missing),
 * sleep (for a minute), pushes (how many messages came in each push so far, as digits: `1` or more for each).
 */
#include "airssys.h"

typedef struct {
    uint8_t failed;
    union {
        struct {
            uint8_t present;
            airssys_string value;
        } reply;
        struct {
            uint8_t kind;
            airssys_string text;
        } error;
    };
} result;

static char pushes[4096];
static size_t pushed, missing;

static void note(size_t count) {
    if (count >= 10) pushes[pushed++] = (char)('0' + count / 10);
    pushes[pushed++] = (char)('0' + count % 10);
    pushes[pushed++] = ' ';
}

#ifdef BATCH
static size_t digits(char *to, size_t number) {
    size_t length = number >= 10 ? 2 : 1;
    if (length == 2) to[0] = (char)('0' + number / 10);
    to[length - 1] = (char)('0' + number % 10);
    return length;
}
#endif

static result reply_to(airssys_string payload, const char *how, size_t length) {
    result made = {0};
    if (airssys_equal(payload, "trap")) __builtin_trap();
    if (airssys_equal(payload, "sleep")) airssys_sleep_millis(60000);
    if (airssys_equal(payload, "short")) missing = 1;
    if (airssys_equal(payload, "fail")) {
        made.failed = 1;
        made.error.kind = AIRSSYS_WASM_RUNTIME_ERROR;
        made.error.text = airssys_str("asked to");
        return made;
    }
    if (airssys_equal(payload, "nothing")) return made;
    if (airssys_equal(payload, "pushes")) payload = (airssys_string){pushes, pushed};
    char *text = malloc(length + payload.length);
    if (!text) __builtin_trap();
    memcpy(text, how, length);
    memcpy(text + length, payload.data, payload.length);
    made.reply.present = 1;
    made.reply.value = (airssys_string){text, length + payload.length};
    return made;
}

static airssys_string payload_of(const airssys_message *message) {
    return (airssys_string){(const char *)message->payload.data, message->payload.length};
}

airssys_result airssys_on_message(const airssys_message *message) {
    note(1);
    result made = reply_to(payload_of(message), "message:", 8);
    if (made.failed) return airssys_fail_text(AIRSSYS_WASM_RUNTIME_ERROR, made.error.text);
    if (!made.reply.present) return airssys_ok();
    return airssys_ok_bytes(made.reply.value.data, made.reply.value.length);
}

#ifdef BATCH
static struct {
    result *data;
    size_t length;
} results;

__attribute__((export_name("airssys:core/batch@1.1.0#handle-batch"))) void *handle_batch(
    const airssys_message *messages, size_t count) {
    note(count);
    missing = 0;
    results.data = malloc(count * sizeof(result));
    if (!results.data) __builtin_trap();
    for (size_t i = 0; i < count; i++) {
        char how[8];
        size_t length = digits(how, i + 1);
        how[length++] = '/';
        length += digits(how + length, count);
        how[length++] = ':';
        results.data[i] = reply_to(payload_of(messages + i), how, length);
    }
    results.length = count - missing;
    return &results;
}
#endif

#ifdef TEXT
static result text_result;

__attribute__((export_name("airssys:core/text@1.1.0#handle-text"))) void *handle_text(
    const airssys_message *message) {
    note(1);
    text_result = reply_to(payload_of(message), "text:", 5);
    return &text_result;
}
#endif

airssys_description airssys_describe(void) {
    static const char *const operations[] = {"pushes", NULL};
    return (airssys_description){
        "pushes", "1.0.0", "Says how it was handed a message", "tests", "Apache-2.0",
        operations, true};
}
