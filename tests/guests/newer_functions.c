/* newer_functions.c - calls the functions of the world 1.1 that 1.0 does not have, as every_function.c
 * calls those of 1.0: a message is `command:argument:…`, the reply text, "ok" or "error:KIND:TEXT".
 *
 *   publish:TOPIC:PAYLOAD   subscribe:PATTERN   unsubscribe:PATTERN
 *   call:TARGET:TIMEOUT_MS:PAYLOAD (no timeout: the default)   answers "none" or "some:REPLY"
 *   spawn:INSTALLED:NAME[:CONFIG]   monitor:TARGET   demonitor:ID
 *
 * and: heard (what came since, each as "SENDER PAYLOAD" and a new line; what is no command is heard),
 * callbacks (each as "ID CONTENT-TYPE PAYLOAD"), config.
 */
#include "airssys.h"

#define IMPORT(interface, function)                                                                \
    __attribute__((import_module("airssys:core/" interface "@1.1.0"), import_name(function))) extern

typedef struct {
    uint8_t failed;
    union {
        struct {
            airssys_string first;
            airssys_string more[2];
        } ok;
        struct {
            uint8_t present;
            airssys_string value;
        } option;
        struct {
            uint8_t kind;
            airssys_string text[3];
        } error;
    };
} outcome;

IMPORT("pubsub", "publish") void publish(const char *, size_t, const void *, size_t, outcome *);
IMPORT("pubsub", "subscribe") void subscribe(const char *, size_t, outcome *);
IMPORT("pubsub", "unsubscribe") void unsubscribe(const char *, size_t, outcome *);
IMPORT("calls", "call")
void call(const char *, size_t, const char *, size_t, const char *, size_t, const void *, size_t,
          int, uint64_t, outcome *);
IMPORT("actors", "spawn")
void spawn(const char *, size_t, const char *, size_t, const char *, size_t, const char *, size_t,
           const char *, size_t, const char *, size_t, int, const void *, size_t, outcome *);
IMPORT("actors", "monitor")
void monitor(const char *, size_t, const char *, size_t, const char *, size_t, outcome *);
IMPORT("actors", "demonitor") void demonitor(const char *, size_t, outcome *);

typedef struct {
    char *data;
    size_t length, room;
} text;

static text out, heard, callbacks, config;

static void add_bytes(text *to, const void *data, size_t length) {
    if (to->length + length > to->room) {
        to->room = 2 * (to->length + length);
        to->data = realloc(to->data, to->room);
        if (!to->data) __builtin_trap();
    }
    if (length) memcpy(to->data + to->length, data, length);
    to->length += length;
}

static void add_string(text *to, airssys_string part) { add_bytes(to, part.data, part.length); }
static void add(text *to, const char *part) { add_string(to, airssys_str(part)); }

static void add_id(text *to, const airssys_string *parts) {
    add_string(to, parts[0]);
    add(to, "/");
    add_string(to, parts[1]);
    add(to, "/");
    add_string(to, parts[2]);
}

static airssys_string cut(airssys_string *rest, char mark) {
    size_t end = 0;
    while (end < rest->length && rest->data[end] != mark) end++;
    airssys_string part = {rest->data, end};
    size_t behind = end < rest->length ? end + 1 : end;
    *rest = (airssys_string){rest->data + behind, rest->length - behind};
    return part;
}

static uint64_t number_of(airssys_string digits) {
    uint64_t number = 0;
    for (size_t i = 0; i < digits.length; i++)
        number = number * 10 + (uint64_t)(digits.data[i] - '0');
    return number;
}

static airssys_id id_of(airssys_string joined) {
    airssys_string rest = joined, first = cut(&rest, '/');
    if (first.length == joined.length) return (airssys_id){.name = joined};
    airssys_string name = cut(&rest, '/');
    return (airssys_id){first, name, rest};
}

/* `variant` has a text in each case but two: `empty`, and the one whose payload is an id. */
static void answer(const outcome *result, int empty, int with_id) {
    if (!result->failed) {
        if (!out.length) add(&out, "ok");
        return;
    }
    char kind[3] = {(char)('0' + result->error.kind), ':', 0};
    add(&out, "error:");
    add(&out, kind);
    if (result->error.kind == with_id)
        add_id(&out, result->error.text);
    else if (result->error.kind != empty)
        add_string(&out, result->error.text[0]);
}

#define ID(id)                                                                                     \
    (id).space.data, (id).space.length, (id).name.data, (id).name.length, (id).instance.data,      \
        (id).instance.length

airssys_result airssys_on_initialize(const airssys_config *given) {
    if (given->config_data.present)
        add_bytes(&config, given->config_data.value.data, given->config_data.value.length);
    return airssys_ok();
}

airssys_result airssys_on_message(const airssys_message *message) {
    airssys_string all = {(const char *)message->payload.data, message->payload.length}, rest = all;
    airssys_string command = cut(&rest, ':');
    outcome result = {0};
    out.length = 0;
    if (airssys_equal(command, "publish")) {
        airssys_string topic = cut(&rest, ':');
        publish(topic.data, topic.length, rest.data, rest.length, &result);
        answer(&result, 3, 4);
    } else if (airssys_equal(command, "subscribe")) {
        subscribe(rest.data, rest.length, &result);
        answer(&result, 3, 4);
    } else if (airssys_equal(command, "unsubscribe")) {
        unsubscribe(rest.data, rest.length, &result);
        answer(&result, 3, 4);
    } else if (airssys_equal(command, "call")) {
        airssys_id target = id_of(cut(&rest, ':'));
        airssys_string timeout = cut(&rest, ':');
        call(ID(target), rest.data, rest.length, timeout.length > 0, number_of(timeout), &result);
        if (!result.failed) {
            add(&out, result.option.present ? "some:" : "none");
            if (result.option.present) add_string(&out, result.option.value);
        }
        answer(&result, 3, 4);
    } else if (airssys_equal(command, "spawn")) {
        airssys_id installed = id_of(cut(&rest, ':')), name = id_of(cut(&rest, ':'));
        spawn(ID(installed), ID(name), rest.length > 0, rest.data, rest.length, &result);
        if (!result.failed) add_id(&out, &result.ok.first);
        answer(&result, 1, -1);
    } else if (airssys_equal(command, "monitor")) {
        airssys_id target = id_of(rest);
        monitor(ID(target), &result);
        if (!result.failed) add_string(&out, result.ok.first);
        answer(&result, 3, 4);
    } else if (airssys_equal(command, "demonitor")) {
        demonitor(rest.data, rest.length, &result);
        answer(&result, 3, 4);
    } else if (airssys_equal(command, "heard")) {
        add_bytes(&out, heard.data, heard.length);
    } else if (airssys_equal(command, "callbacks")) {
        add_bytes(&out, callbacks.data, callbacks.length);
    } else if (airssys_equal(command, "config")) {
        add_bytes(&out, config.data, config.length);
    } else {
        airssys_string parts[3] = {message->sender.space, message->sender.name,
                                   message->sender.instance};
        add_id(&heard, parts);
        add(&heard, " ");
        add_string(&heard, all);
        add(&heard, "\n");
        return airssys_ok();
    }
    return airssys_ok_bytes(out.data, out.length);
}

airssys_result airssys_on_callback(const airssys_message *message) {
    add_string(&callbacks, message->metadata.correlation_id.value);
    add(&callbacks, " ");
    add_string(&callbacks, message->metadata.content_type.value);
    add(&callbacks, " ");
    add_bytes(&callbacks, message->payload.data, message->payload.length);
    add(&callbacks, "\n");
    return airssys_ok();
}

airssys_description airssys_describe(void) {
    static const char *const operations[] = {"pubsub", "calls", "actors", NULL};
    return (airssys_description){
        "newer-functions", "1.0.0", "Calls what it is told to", "tests", "Apache-2.0",
        operations,        true};
}
