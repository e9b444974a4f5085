/* airssys.h - write a component for the world airssys:core/runtime-host@1.0.0 in C.
 *
 * A component is an actor: it keeps its state in its memory, is handed one message at a time, and
 * starts again with an empty memory when it trapped. You write the functions `airssys_on_…`; the
 * functions `airssys_…` are what the host does for you. A whole component:
 *
 *     #include "airssys.h"
 *
 *     static uint32_t seen;
 *
 *     airssys_result airssys_on_message(const airssys_message *message) {
 *         seen += 1;
 *         airssys_log(AIRSSYS_INFO, "hello");
 *         return airssys_ok_bytes(message->payload.data, message->payload.length);
 *     }
 *
 *     $ python -m airssys_wasm.sdk.build hello.c -o hello.wasm
 *
 * Memory, three rules:
 *   - what a function of yours is handed is valid until that function returns: copy what you keep;
 *   - what you hand over (a reply, an error text, an argument) is copied: it stays yours;
 *   - what the host returns through a pointer belongs to you: give it to the `…_free` beside it.
 *
 * C99 for wasm32, without a C library: malloc, memcpy and the few functions at the end of this
 * file are in airssys.c, which the build command adds. A function that you do not call is not
 * imported, so a component asks for no more than it uses.
 *
 * The structures are laid out as the canonical ABI of the component model stores the WIT types of
 * the same names, which airssys.c asserts.
 */
#ifndef AIRSSYS_H
#define AIRSSYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- Values ------------------------------------------------------------------------------- */

/* UTF-8 text, not terminated by a zero. */
typedef struct {
    const char *data;
    size_t length;
} airssys_string;

typedef struct {
    const uint8_t *data;
    size_t length;
} airssys_bytes;

/* Who is addressed. An actor that is named plainly, such as "ledger", is {"", "ledger", ""}; the
 * sender of a publication is {"topic", "orders.received", ""}. */
typedef struct {
    airssys_string space;
    airssys_string name;
    airssys_string instance;
} airssys_id;

/* Time since 1970-01-01 00:00 UTC. */
typedef struct {
    uint64_t seconds;
    uint32_t nanoseconds;
} airssys_time;

typedef struct {
    bool present;
    airssys_string value;
} airssys_optional_string;

typedef struct {
    bool present;
    airssys_bytes value;
} airssys_optional_bytes;

typedef struct {
    bool present;
    airssys_id value;
} airssys_optional_id;

typedef struct {
    bool present;
    uint64_t value;
} airssys_optional_u64;

typedef struct {
    airssys_string key;
    airssys_string value;
} airssys_pair;

typedef struct {
    const airssys_pair *data;
    size_t length;
} airssys_pairs;

typedef struct {
    const airssys_string *data;
    size_t length;
} airssys_strings;

typedef struct {
    const airssys_id *data;
    size_t length;
} airssys_ids;

/* ---- What a component is handed ----------------------------------------------------------- */

/* All of it is set by the host: no sender can pretend to be another. */
typedef struct {
    airssys_id sender;
    airssys_bytes payload;
    struct {
        airssys_optional_string correlation_id; /* of a request or the answer to one */
        airssys_optional_id reply_to;
        airssys_time timestamp; /* of the delivery */
        airssys_optional_string content_type;
    } metadata;
} airssys_message;

typedef struct {
    airssys_pairs env_vars;
    airssys_optional_bytes config_data; /* `config:` of the tree file, as JSON */
    struct {
        uint64_t max_memory_bytes;
        uint64_t max_execution_time_ms;
        airssys_optional_u64 max_fuel; /* for one message */
    } limits;
} airssys_config;

/* ---- What a component answers ------------------------------------------------------------- */

/* Errors of handle-message and handle-callback. */
enum {
    AIRSSYS_WASM_COMPONENT_NOT_FOUND,
    AIRSSYS_WASM_INSTANTIATION_FAILED,
    AIRSSYS_WASM_EXPORT_NOT_FOUND,
    AIRSSYS_WASM_TIMEOUT, /* carries no text */
    AIRSSYS_WASM_RESOURCE_LIMIT_EXCEEDED,
    AIRSSYS_WASM_INVALID_COMPONENT,
    AIRSSYS_WASM_RUNTIME_ERROR
};

/* Errors of initialize and shutdown, and of airssys_get_component_metadata. */
enum {
    AIRSSYS_COMPONENT_INITIALIZATION_FAILED,
    AIRSSYS_COMPONENT_ALREADY_INITIALIZED, /* carries no text */
    AIRSSYS_COMPONENT_NOT_INITIALIZED,     /* carries no text */
    AIRSSYS_COMPONENT_SHUTDOWN_FAILED,
    AIRSSYS_COMPONENT_INVALID_STATE
};

typedef enum {
    AIRSSYS_HEALTHY,
    AIRSSYS_DEGRADED,
    AIRSSYS_UNHEALTHY,
    AIRSSYS_UNKNOWN
} airssys_health;

typedef struct {
    bool failed;
    int error; /* of the enumeration that fits, if it failed */
    bool has_value;
    airssys_bytes value; /* a reply or the text of an error: a copy, freed after the call */
} airssys_result;

airssys_result airssys_ok(void);                                  /* and no reply */
airssys_result airssys_ok_bytes(const void *data, size_t length); /* the reply */
airssys_result airssys_ok_joined(const airssys_bytes *parts, size_t count); /* one after the other */
airssys_result airssys_fail(int error, const char *text);
airssys_result airssys_fail_text(int error, airssys_string text);

/* What a component says of itself; strings end with a zero, a NULL is an empty string. */
typedef struct {
    const char *name;
    const char *version;
    const char *description;
    const char *author;
    const char *license;
    const char *const *supported_operations; /* ends with NULL; NULL alone is none */
    bool stateful;
} airssys_description;

/* ---- What you write ----------------------------------------------------------------------- */

/* The first call. A failure is a failed start, with that error as its reason.
 * Without it: nothing to do. */
airssys_result airssys_on_initialize(const airssys_config *config);

/* One message. The value of the result is the reply of a request; for a message that was sent or
 * published nobody waits, and it is dropped. A failure is the failed reply and no crash.
 * The only one that every component has. */
airssys_result airssys_on_message(const airssys_message *message);

/* The answer to a request of yours, by its correlation id. When it failed, the content type is
 * application/vnd.airssys.error+json. Without it: the answer is dropped. */
airssys_result airssys_on_callback(const airssys_message *message);

/* Without it: AIRSSYS_HEALTHY. */
airssys_health airssys_on_health(void);

/* The last call, on an orderly stop only: never after a trap, a limit or a kill. */
airssys_result airssys_on_shutdown(void);

/* Without it: empty strings. */
airssys_description airssys_describe(void);

/* ---- What the host does for you ------------------------------------------------------------ */

/* Why the host refused. Every function below that can fail returns whether it succeeded, and fills
 * `*error` if it failed and `error` is not NULL. A capability that the tree file does not grant
 * begins its text with "capability-denied: ". */
typedef struct {
    int kind;            /* of the enumeration of its interface */
    airssys_string text; /* free it with airssys_error_free */
} airssys_error;

void airssys_error_free(airssys_error *error);

/* airssys_ok if the host did it; otherwise the failure, with the text of `*error`, which is freed:
 *     return airssys_outcome(airssys_storage_set(key, data, length, &error), &error); */
airssys_result airssys_outcome(bool done, airssys_error *error);

/* host-messaging */
enum {
    AIRSSYS_MESSAGING_DELIVERY_FAILED,
    AIRSSYS_MESSAGING_CORRELATION_TIMEOUT,
    AIRSSYS_MESSAGING_INVALID_MESSAGE,
    AIRSSYS_MESSAGING_QUEUE_FULL,      /* no text */
    AIRSSYS_MESSAGING_TARGET_NOT_FOUND /* the text is namespace/name/instance */
};

bool airssys_send(airssys_id target, const void *payload, size_t length, airssys_error *error);

/* Exactly one airssys_on_callback follows with the correlation id, unless it is cancelled.
 * `*correlation_id` is yours: free it with airssys_string_free; or pass NULL. */
bool airssys_request(airssys_id target, const void *payload, size_t length, uint64_t timeout_ms,
                     airssys_string *correlation_id, airssys_error *error);

bool airssys_cancel_request(airssys_string correlation_id, airssys_error *error);

/* All of them or none. */
bool airssys_broadcast(const airssys_id *targets, size_t count, const void *payload, size_t length,
                       airssys_error *error);

airssys_id airssys_self_id(void); /* airssys_id_free */

/* host-services */
typedef enum {
    AIRSSYS_TRACE,
    AIRSSYS_DEBUG,
    AIRSSYS_INFO,
    AIRSSYS_WARN,
    AIRSSYS_ERROR
} airssys_log_level;

void airssys_log(airssys_log_level level, const char *message);

/* With pairs beside the text: they are fields of the log record. */
void airssys_log_with(airssys_log_level level, airssys_string message, const airssys_pair *context,
                      size_t count);

airssys_time airssys_current_time(void);
uint64_t airssys_current_time_millis(void);
void airssys_sleep_millis(uint64_t duration_ms);

airssys_ids airssys_list_components(void); /* airssys_ids_free */

typedef struct {
    airssys_id id;
    airssys_string name;
    airssys_string version;
    airssys_string health;
} airssys_component_info;

bool airssys_get_component_metadata(airssys_id id, airssys_component_info *info,
                                    airssys_error *error); /* airssys_component_info_free */

/* storage */
enum {
    AIRSSYS_STORAGE_NOT_FOUND,
    AIRSSYS_STORAGE_ALREADY_EXISTS,
    AIRSSYS_STORAGE_QUOTA_EXCEEDED, /* no text */
    AIRSSYS_STORAGE_INVALID_KEY,
    AIRSSYS_STORAGE_IO_ERROR
};

/* A key that is not there succeeds, with `value->present` false. airssys_bytes_free(&value->value)
 */
bool airssys_storage_get(airssys_string key, airssys_optional_bytes *value, airssys_error *error);
bool airssys_storage_set(airssys_string key, const void *value, size_t length,
                         airssys_error *error);
bool airssys_storage_delete(airssys_string key, airssys_error *error);
bool airssys_storage_exists(airssys_string key, bool *exists, airssys_error *error);

/* The keys that begin with `prefix`, or all of them if it is NULL. airssys_strings_free */
bool airssys_storage_list_keys(const airssys_string *prefix, airssys_strings *keys,
                               airssys_error *error);

typedef struct {
    uint64_t used_bytes;
    uint64_t quota_bytes;
    uint64_t key_count;
} airssys_storage_usage_info;

bool airssys_storage_usage(airssys_storage_usage_info *usage, airssys_error *error);

/* ---- Giving back what the host returned ----------------------------------------------------- */

void airssys_string_free(airssys_string *text);
void airssys_bytes_free(airssys_bytes *bytes);
void airssys_strings_free(airssys_strings *texts);
void airssys_id_free(airssys_id *id);
void airssys_ids_free(airssys_ids *ids);
void airssys_component_info_free(airssys_component_info *info);

/* ---- Small conveniences -------------------------------------------------------------------- */

airssys_string airssys_str(const char *text); /* up to the zero, without a copy */
airssys_id airssys_named(const char *name);   /* the actor of that plain name */
bool airssys_equal(airssys_string text, const char *other);
bool airssys_is(airssys_bytes bytes, const char *text);   /* whether they are that text */
airssys_bytes airssys_text(const char *text);             /* up to the zero, without a copy */
airssys_bytes airssys_decimal(uint64_t number);           /* its digits, valid until the next call */
uint64_t airssys_number(airssys_bytes digits);            /* up to the first that is no digit */

/* ---- The C library, as far as it goes ------------------------------------------------------- */

void *malloc(size_t size); /* aligned to 8; NULL when the memory limit is reached */
void *calloc(size_t count, size_t size);
void *realloc(void *block, size_t size);
void free(void *block);
void *memcpy(void *to, const void *from, size_t size);
void *memmove(void *to, const void *from, size_t size);
void *memset(void *to, int byte, size_t size);
int memcmp(const void *left, const void *right, size_t size);
size_t strlen(const char *text);

#endif
