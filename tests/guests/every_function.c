/* every_function.c - calls the host function that a message names, and replies with what it said.
 *
 * A message is `command:argument:argument…`; a target is `name` or `namespace/name/instance`. The
 * reply is text: the value, "ok" where there is none, or "error:KIND:TEXT".
 *
 *   send:TARGET:PAYLOAD   request:TARGET:TIMEOUT_MS:PAYLOAD   cancel:ID   broadcast:A,B,…:PAYLOAD
 *   self  log:LEVEL:TEXT  time  millis  sleep:MS  list  info:TARGET
 *   get:KEY  set:KEY:VALUE  delete:KEY  exists:KEY  keys[:PREFIX]  usage
 *
 * and of what it was handed: sender, reply-to, content-type, correlation, timestamp, config,
 * environment (NAME=VALUE lines, then the limits), count (of messages), callbacks (each as
 * "ID CONTENT-TYPE PAYLOAD" and a new line), reply (with nothing), fail:TEXT, health:N (what
 * health answers from now on).
 */
#include "airssys.h"

typedef struct {
    char *data;
    size_t length, room;
} text;

static text out, callbacks, config, environment;
static uint64_t count;
static airssys_health health;

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

static void add_number(text *to, uint64_t number) {
    char digits[20];
    size_t at = sizeof digits;
    do digits[--at] = (char)('0' + number % 10);
    while (number /= 10);
    add_bytes(to, digits + at, sizeof digits - at);
}

static void add_id(text *to, airssys_id id) {
    add_string(to, id.space);
    add(to, "/");
    add_string(to, id.name);
    add(to, "/");
    add_string(to, id.instance);
}

/* The part of `*rest` up to `mark`, which is taken off, or all of it. */
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

static airssys_id target_of(airssys_string joined) {
    airssys_string rest = joined, first = cut(&rest, '/');
    if (first.length == joined.length) return (airssys_id){.name = joined};
    airssys_string name = cut(&rest, '/');
    return (airssys_id){first, name, rest};
}

static void answer(bool succeeded, airssys_error *error) {
    if (succeeded) {
        if (!out.length) add(&out, "ok");
        return;
    }
    add(&out, "error:");
    add_number(&out, (uint64_t)error->kind);
    add(&out, ":");
    add_string(&out, error->text);
    airssys_error_free(error);
}

static void messaging(airssys_string command, airssys_string rest) {
    airssys_error error;
    if (airssys_equal(command, "send")) {
        airssys_id target = target_of(cut(&rest, ':'));
        answer(airssys_send(target, rest.data, rest.length, &error), &error);
    } else if (airssys_equal(command, "request")) {
        airssys_id target = target_of(cut(&rest, ':'));
        uint64_t timeout = number_of(cut(&rest, ':'));
        airssys_string id = {0};
        bool sent = airssys_request(target, rest.data, rest.length, timeout, &id, &error);
        add_string(&out, id);
        airssys_string_free(&id);
        answer(sent, &error);
    } else if (airssys_equal(command, "cancel")) {
        answer(airssys_cancel_request(rest, &error), &error);
    } else if (airssys_equal(command, "broadcast")) {
        airssys_string names = cut(&rest, ':');
        airssys_id targets[16];
        size_t found = 0;
        while (names.length && found < 16) targets[found++] = target_of(cut(&names, ','));
        answer(airssys_broadcast(targets, found, rest.data, rest.length, &error), &error);
    } else if (airssys_equal(command, "self")) {
        airssys_id id = airssys_self_id();
        add_id(&out, id);
        airssys_id_free(&id);
    }
}

static void services(airssys_string command, airssys_string rest) {
    if (airssys_equal(command, "log")) {
        airssys_pair context = {airssys_str("command"), command};
        uint64_t level = number_of(cut(&rest, ':'));
        airssys_log_with((airssys_log_level)level, rest, &context, 1);
        add(&out, "ok");
    } else if (airssys_equal(command, "time")) {
        airssys_time now = airssys_current_time();
        add_number(&out, now.seconds);
        add(&out, " ");
        add_number(&out, now.nanoseconds);
    } else if (airssys_equal(command, "millis")) {
        add_number(&out, airssys_current_time_millis());
    } else if (airssys_equal(command, "sleep")) {
        airssys_sleep_millis(number_of(rest));
        add(&out, "ok");
    } else if (airssys_equal(command, "list")) {
        airssys_ids ids = airssys_list_components();
        for (size_t i = 0; i < ids.length; i++) {
            if (i) add(&out, ",");
            add_id(&out, ids.data[i]);
        }
        airssys_ids_free(&ids);
    } else if (airssys_equal(command, "info")) {
        airssys_component_info info;
        airssys_error error;
        bool known = airssys_get_component_metadata(target_of(rest), &info, &error);
        if (known) {
            add_id(&out, info.id);
            add(&out, " ");
            add_string(&out, info.name);
            add(&out, " ");
            add_string(&out, info.version);
            add(&out, " ");
            add_string(&out, info.health);
            airssys_component_info_free(&info);
        }
        answer(known, &error);
    }
}

static void storage(airssys_string command, airssys_string rest) {
    airssys_error error;
    if (airssys_equal(command, "get")) {
        airssys_optional_bytes value;
        bool read = airssys_storage_get(rest, &value, &error);
        if (read) {
            add(&out, value.present ? "some:" : "none");
            if (value.present) add_bytes(&out, value.value.data, value.value.length);
            if (value.present) airssys_bytes_free(&value.value);
        }
        answer(read, &error);
    } else if (airssys_equal(command, "set")) {
        airssys_string key = cut(&rest, ':');
        answer(airssys_storage_set(key, rest.data, rest.length, &error), &error);
    } else if (airssys_equal(command, "delete")) {
        answer(airssys_storage_delete(rest, &error), &error);
    } else if (airssys_equal(command, "exists")) {
        bool exists, read = airssys_storage_exists(rest, &exists, &error);
        if (read) add(&out, exists ? "true" : "false");
        answer(read, &error);
    } else if (airssys_equal(command, "keys")) {
        airssys_strings keys;
        bool read = airssys_storage_list_keys(rest.length ? &rest : NULL, &keys, &error);
        if (read) {
            for (size_t i = 0; i < keys.length; i++) {
                if (i) add(&out, ",");
                add_string(&out, keys.data[i]);
            }
            airssys_strings_free(&keys);
        }
        if (!read || out.length) answer(read, &error);
    } else if (airssys_equal(command, "usage")) {
        airssys_storage_usage_info usage;
        bool read = airssys_storage_usage(&usage, &error);
        if (read) {
            add_number(&out, usage.used_bytes);
            add(&out, " ");
            add_number(&out, usage.quota_bytes);
            add(&out, " ");
            add_number(&out, usage.key_count);
        }
        answer(read, &error);
    }
}

static void handed(airssys_string command, airssys_string rest, const airssys_message *message) {
    if (airssys_equal(command, "sender")) {
        add_id(&out, message->sender);
    } else if (airssys_equal(command, "reply-to")) {
        if (message->metadata.reply_to.present) add_id(&out, message->metadata.reply_to.value);
    } else if (airssys_equal(command, "content-type")) {
        if (message->metadata.content_type.present)
            add_string(&out, message->metadata.content_type.value);
    } else if (airssys_equal(command, "correlation")) {
        if (message->metadata.correlation_id.present)
            add_string(&out, message->metadata.correlation_id.value);
    } else if (airssys_equal(command, "timestamp")) {
        add_number(&out, message->metadata.timestamp.seconds);
        add(&out, " ");
        add_number(&out, message->metadata.timestamp.nanoseconds);
    } else if (airssys_equal(command, "count")) {
        add_number(&out, count);
    } else if (airssys_equal(command, "callbacks")) {
        add_bytes(&out, callbacks.data, callbacks.length);
    } else if (airssys_equal(command, "config")) {
        add_bytes(&out, config.data, config.length);
    } else if (airssys_equal(command, "environment")) {
        add_bytes(&out, environment.data, environment.length);
    } else if (airssys_equal(command, "health")) {
        health = (airssys_health)number_of(rest);
        add(&out, "ok");
    }
}

airssys_result airssys_on_initialize(const airssys_config *given) {
    if (given->config_data.present)
        add_bytes(&config, given->config_data.value.data, given->config_data.value.length);
    for (size_t i = 0; i < given->env_vars.length; i++) {
        add_string(&environment, given->env_vars.data[i].key);
        add(&environment, "=");
        add_string(&environment, given->env_vars.data[i].value);
        add(&environment, "\n");
    }
    add_number(&environment, given->limits.max_memory_bytes);
    add(&environment, " ");
    add_number(&environment, given->limits.max_execution_time_ms);
    if (given->limits.max_fuel.present) {
        add(&environment, " ");
        add_number(&environment, given->limits.max_fuel.value);
    }
    return airssys_ok();
}

airssys_result airssys_on_message(const airssys_message *message) {
    airssys_string rest = {(const char *)message->payload.data, message->payload.length};
    airssys_string command = cut(&rest, ':');
    count += 1;
    out.length = 0;
    if (airssys_equal(command, "reply")) return airssys_ok();
    if (airssys_equal(command, "fail")) return airssys_fail_text(AIRSSYS_WASM_RUNTIME_ERROR, rest);
    messaging(command, rest);
    services(command, rest);
    storage(command, rest);
    handed(command, rest, message);
    return airssys_ok_bytes(out.data, out.length);
}

airssys_result airssys_on_callback(const airssys_message *message) {
    if (message->metadata.correlation_id.present)
        add_string(&callbacks, message->metadata.correlation_id.value);
    add(&callbacks, " ");
    if (message->metadata.content_type.present)
        add_string(&callbacks, message->metadata.content_type.value);
    add(&callbacks, " ");
    add_bytes(&callbacks, message->payload.data, message->payload.length);
    add(&callbacks, "\n");
    return airssys_ok();
}

airssys_health airssys_on_health(void) { return health; }

airssys_result airssys_on_shutdown(void) {
    airssys_log(AIRSSYS_INFO, "shutdown");
    return airssys_ok();
}

airssys_description airssys_describe(void) {
    static const char *const operations[] = {"messaging", "services", "storage", NULL};
    return (airssys_description){
        "every-function", "1.0.0", "Calls what it is told to", "tests", "Apache-2.0",
        operations,       true};
}
